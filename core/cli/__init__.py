"""The headless front: one file per command group."""
