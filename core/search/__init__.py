"""Vectors of frames and objects made searchable: the index, its stores, queries."""
