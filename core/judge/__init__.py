"""Comparing results with the truth and with each other."""
