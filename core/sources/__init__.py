"""Where frames come from: finding, probing and reading videos and pictures."""
