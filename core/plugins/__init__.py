"""Registries of names, of our own and of other packages that the user has enabled."""
