"""`strokes`: strokes paired one to one, where the truth lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .metric import Metric

if TYPE_CHECKING:
    from ..score import Score


def _line(score: Score) -> str:
    if not score.true_strokes:
        return ""
    return (
        f"strokes    {score.stroke_hits} of {score.true_strokes} found, "
        f"{score.stroke_hits} of {score.found_strokes} right"
    )


METRIC = Metric(
    "strokes", "share of true strokes that were found, 0 to 1",
    lambda score: score.stroke_recall, _line,
)  # fmt: skip
