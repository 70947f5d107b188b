"""A teacher that checks when and where."""
