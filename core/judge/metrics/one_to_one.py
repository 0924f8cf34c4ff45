"""`one_to_one`: pairs of one event and one true stretch each, and how they overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text import counted
from .metric import Metric, shown

if TYPE_CHECKING:
    from ..score import Score


def _line(score: Score) -> str:
    return (
        f"one to one {counted(score.paired, 'pair')}: recall {shown(score.paired_recall)}, "
        f"precision {shown(score.paired_precision)}, overlap {shown(score.overlap_mean)} (mean)"
    )


METRIC = Metric(
    "one_to_one", "mean intersection over union of all pairs, 0 to 1",
    lambda score: score.overlap_mean, _line,
)  # fmt: skip
