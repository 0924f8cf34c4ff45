"""`timing`: how far the peaks of matches lie from the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .metric import Metric

if TYPE_CHECKING:
    from ..score import Score


def _line(score: Score) -> str:
    if score.timing_median_seconds is None or score.timing_worst_seconds is None:
        return ""
    return (
        f"timing     peak off by {score.timing_median_seconds:.3f} s (median), "
        f"{score.timing_worst_seconds:.3f} s (worst)"
    )


METRIC = Metric(
    "timing", "median distance of peaks in seconds",
    lambda score: score.timing_median_seconds, _line,
)  # fmt: skip
