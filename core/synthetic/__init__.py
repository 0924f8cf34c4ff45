"""Drawn storms and shapes with known truth: for the demo, benchmarks and tests."""
