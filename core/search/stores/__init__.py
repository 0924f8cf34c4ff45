"""Where the vectors of an index are searched: one protocol, several implementations."""
