"""What is computed from a comparison with the truth: one metric a file, named in `registry.py`."""
