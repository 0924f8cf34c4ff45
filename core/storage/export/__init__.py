"""Stable, versioned shapes in which results leave the library; one file per format."""
