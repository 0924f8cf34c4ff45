"""Maps: vectors laid out in a plane, in groups with names."""
