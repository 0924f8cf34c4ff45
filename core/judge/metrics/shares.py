"""`recall` and `precision` (C. J. van Rijsbergen, "Information Retrieval", 1979, chapter 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text import counted
from .metric import Metric, shown

if TYPE_CHECKING:
    from ..score import Score


def _recall(score: Score) -> str:
    of = counted(score.true, "true event")
    return f"recall     {shown(score.recall)}  ({score.hits} of {of} found)"


def _precision(score: Score) -> str:
    of = counted(score.found, "event")
    return f"precision  {shown(score.precision)}  ({score.right} of {of} right)"


RECALL = Metric(
    "recall", "share of true events with a match, 0 to 1", lambda score: score.recall, _recall
)
PRECISION = Metric(
    "precision", "share of events with a match, 0 to 1", lambda score: score.precision, _precision
)
