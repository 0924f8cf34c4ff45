"""How batches move between threads; knows nothing about vision."""
