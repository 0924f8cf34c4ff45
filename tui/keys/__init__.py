"""Actions, their keys, and what is written about them."""
