"""Files that show the same: found from what the library keeps, for all of it at once."""
