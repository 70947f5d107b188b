"""The weights and the processor of the tiny LLaVA, and the script that remakes them."""
