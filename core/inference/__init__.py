"""Stages with a model: what is asked of which model, in batches, and what is kept."""
