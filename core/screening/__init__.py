"""Stages without a model: they measure every frame and propose candidates."""
