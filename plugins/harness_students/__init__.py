"""Built-in students."""
