"""Built-in label models."""
