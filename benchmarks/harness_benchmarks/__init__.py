"""Data sets as plugins."""
