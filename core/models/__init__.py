"""What looks: one file per family behind four small protocols."""
