"""Precision by judgements of people, with its interval, and the cut-off that they suggest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ..protocol.precision import wilson
from ..protocol.scores import CutOff, JudgedEvents

STEPS = 100
"""steps of a cut-off from 0 to 1"""
Said = tuple[str, float, str]
"""kind, score and judgement of an event"""


def by_kind(
    totals: Mapping[str, int],
    events: Sequence[Said],
    rejected: Sequence[Said],
    sensitivity: Callable[[str, float], float | None],
) -> tuple[JudgedEvents, tuple[JudgedEvents, ...]]:
    """Return what was said of all kinds together, and of each.

    `totals` are the numbers of events, `events` and `rejected` those events and rejected candidates
    that are judged; `sensitivity` gives the setting of a kind that accepts from a score on.
    """
    kinds = sorted({*totals, *(kind for kind, _, _ in rejected)})
    each = tuple(
        _judged(
            kind,
            totals.get(kind, 0),
            [said for said in events if said[0] == kind],
            [said for said in rejected if said[0] == kind],
            sensitivity,
        )
        for kind in kinds
    )
    return _judged("", sum(totals.values()), events, rejected, None), each


def _judged(
    kind: str, total: int, events: Sequence[Said], rejected: Sequence[Said],
    sensitivity: Callable[[str, float], float | None] | None,
) -> JudgedEvents:  # fmt: skip
    right, wrong, unsure = (
        [score for _, score, judgement in events if judgement == word]
        for word in ("right", "wrong", "unsure")
    )
    missed = sum(judgement == "right" for _, _, judgement in rejected)
    decided = len(right) + len(wrong)
    low, high = wilson(len(right), decided) if decided else (None, None)
    return JudgedEvents(
        kind, total, len(right), len(wrong), len(unsure), missed,
        len(right) / decided if decided else None, low, high,
        None if sensitivity is None else _cut_off(kind, right, wrong, sensitivity),
    )  # fmt: skip


def _cut_off(
    kind: str, right: Sequence[float], wrong: Sequence[float],
    sensitivity: Callable[[str, float], float | None],
) -> CutOff | None:  # fmt: skip
    if not right or not wrong:
        return None
    cut = math.floor(min(right) * STEPS + 1e-9) / STEPS
    dropped = sum(score < cut for score in wrong)
    return CutOff(cut, len(right), len(right), dropped, len(wrong), sensitivity(kind, cut))
