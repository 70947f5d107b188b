"""Built-in teachers."""
