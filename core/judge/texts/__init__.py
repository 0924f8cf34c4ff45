"""Scores of texts against references, with the counting that published figures are made with."""
