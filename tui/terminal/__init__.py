"""Handling of the terminal: taking it, drawing on it, giving it back on every way out."""
