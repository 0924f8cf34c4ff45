"""The scan job: planning, resolving models, measuring, asking models, results."""
