"""The engine of sightline and everything it needs; knows nothing of Textual."""
