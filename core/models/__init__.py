"""The models: one file per family behind four small protocols."""
