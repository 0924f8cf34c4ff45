"""What people said of a scan's events: precision by kind, cut-off, and histograms of scores."""

from __future__ import annotations

from collections.abc import Sequence

from ..judge.judged import by_kind
from ..protocol.scores import JudgedScore
from ..screening.registry import sensitivity_of
from ..storage.library import Library
from .pages import check_scan


def judged_score(library: Library, scan: int, kinds: Sequence[str] = ()) -> JudgedScore:
    """Return what people said of a scan's events, of some kinds or all. Raises UnknownName."""
    check_scan(library, scan)
    totals = {
        kind: len(scores)
        for kind, scores in library.event_scores.of_scan(scan).items()
        if not kinds or kind in kinds
    }
    events, rejected = (
        [said for said in library.judgements.scores_of_scan(scan, which)
         if not kinds or said[0] in kinds]
        for which in ("moments", "candidates")
    )  # fmt: skip
    everything, each = by_kind(totals, events, rejected, sensitivity_of)
    return JudgedScore(scan, everything, each)
