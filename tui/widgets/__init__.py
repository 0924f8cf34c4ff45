"""Widgets of our own: they send only what changed, and take their symbols from outside."""
