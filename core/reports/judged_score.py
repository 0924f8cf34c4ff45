"""What people said of a scan's events: precision by kind, cut-off, and histograms of scores."""

from __future__ import annotations

from collections.abc import Sequence

from ..config.stages import declared
from ..judge.judged import by_kind
from ..protocol.scores import JudgedScore
from ..screening.stage import ScreeningStage
from ..storage.library import Library


def judged_score(library: Library, scan: int, kinds: Sequence[str] = ()) -> JudgedScore:
    """Return what people said of a scan's events, of some kinds or all. Raises UnknownName."""
    library.runs.get(scan)
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
    everything, each = by_kind(totals, events, rejected, _sensitivity)
    return JudgedScore(scan, everything, each)


def _sensitivity(kind: str, score: float) -> float | None:
    """Return the setting of a kind's stage that accepts from a score on, where that is known."""
    stage = declared(kind)
    if stage is None or not issubclass(stage, ScreeningStage):
        return None
    return stage.sensitivity_at(score)
