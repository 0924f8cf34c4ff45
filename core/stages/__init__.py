"""What is done to frames, and how one source is taken through it."""
