"""Profiles, prompts and the user's settings, and the resolved spec of a scan."""
