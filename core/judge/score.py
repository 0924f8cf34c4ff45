"""Scoring found events against the truth: recall, precision, timing, and every miss by name.

An event and a true stretch match when they overlap in time, give or take a tolerance. Recall is
the share of true stretches with at least one match, precision the share of events with one (both
as in C. J. van Rijsbergen, "Information Retrieval", 1979, chapter 7). Several events inside one
long true stretch all count as right, so one event over a whole clip has a recall of 1. Two further
measures do not let that pass: pairs of one event and one true stretch each (`matching.one_to_one`),
and how well the two of a pair overlap (`matching.overlap`). Where the truth lists strokes, these
are paired one to one as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean, median

from ..protocol.scores import MetricValue, Pair, Score, TrueEvent, VideoScore
from ..records import Event
from .matching import Span, neighbours, one_to_one, overlap
from .metrics.registry import measured
from .truth import Footage, Truth, read_truth, read_truths

__all__ = [
    "Footage", "MetricValue", "Pair", "Score", "TrueEvent", "Truth", "VideoScore", "read_truth",
    "read_truths", "score", "total",
]  # fmt: skip
TOLERANCE_SECONDS = 0.1
STROKE_TOLERANCE_SECONDS = 0.05


def score(
    moments: Sequence[Event],
    truth: Sequence[TrueEvent],
    kinds: Sequence[str] = (),
    tolerance_seconds: float = TOLERANCE_SECONDS,
    stroke_tolerance_seconds: float = STROKE_TOLERANCE_SECONDS,
    frame_seconds: float = 0.0,
) -> Score:
    """Compare. With `kinds`, true stretches of other kinds must not be found.

    `frame_seconds` is the length of a frame, which overlaps count as part of both stretches.
    """
    wanted = [event for event in truth if not kinds or event.kind in kinds]
    near = neighbours(_spans(wanted), _spans(moments), tolerance_seconds)
    hits = [n for n, found in enumerate(near) if found]
    right = {number for found in near for number in found}
    pairs = _pairs(wanted, moments, near, stroke_tolerance_seconds, frame_seconds)
    strokes = _strokes(wanted, moments, near, stroke_tolerance_seconds)
    made = Score(
        true=len(wanted),
        found=len(moments),
        hits=len(hits),
        right=len(right),
        recall=None,
        precision=None,
        recall_by_kind=_by_kind(wanted, hits),
        timing_median_seconds=None,
        timing_worst_seconds=None,
        misses=tuple(event for event, found in zip(wanted, near, strict=True) if not found),
        false_alarms=tuple(m for n, m in enumerate(moments) if n not in right),
        pairs=pairs,
        true_strokes=strokes[0],
        found_strokes=strokes[1],
        stroke_hits=strokes[2],
        timing_errors_seconds=tuple(
            _timing(wanted[n], moments, near[n]) for n in hits if wanted[n].has_peak
        ),
    )
    return total([made])


def total(scores: Sequence[Score]) -> Score:
    """Return the score of several videos together: counts are summed, and shares made of these."""
    errors = [error for each in scores for error in each.timing_errors_seconds]
    pairs = tuple(pair for each in scores for pair in each.pairs)
    true, found, hits, right = (
        sum(getattr(each, name) for each in scores) for name in ("true", "found", "hits", "right")
    )
    strokes = [sum(getattr(each, name) for each in scores)
               for name in ("true_strokes", "found_strokes", "stroke_hits")]  # fmt: skip
    pooled = Score(
        true=true, found=found, hits=hits, right=right,
        recall=_share(hits, true),
        precision=_share(right, found),
        recall_by_kind=_added(each.recall_by_kind for each in scores),
        timing_median_seconds=median(errors) if errors else None,
        timing_worst_seconds=max(errors) if errors else None,
        misses=tuple(miss for each in scores for miss in each.misses),
        false_alarms=tuple(alarm for each in scores for alarm in each.false_alarms),
        paired=len(pairs),
        paired_recall=_share(len(pairs), true),
        paired_precision=_share(len(pairs), found),
        overlap_mean=fmean(pair.overlap for pair in pairs) if pairs else None,
        pairs=pairs,
        true_strokes=strokes[0], found_strokes=strokes[1], stroke_hits=strokes[2],
        stroke_recall=_share(strokes[2], strokes[0]),
        stroke_precision=_share(strokes[2], strokes[1]) if strokes[0] else None,
        timing_errors_seconds=tuple(errors),
    )  # fmt: skip
    return replace(pooled, metrics=tuple(measured(pooled)))


def _pairs(
    wanted: Sequence[TrueEvent], moments: Sequence[Event], near: Sequence[Sequence[int]],
    tolerance: float, frame_seconds: float,
) -> tuple[Pair, ...]:  # fmt: skip
    """Pair one to one; those that overlap best first, then those with the nearest peaks."""
    true, found = _spans(wanted), _spans(moments)
    edges = [
        (-overlap(true[n], found[number], frame_seconds),
         abs(moments[number].peak_seconds - wanted[n].peak_seconds), n, number)
        for n, numbers in enumerate(near) for number in numbers
    ]  # fmt: skip
    paired = one_to_one([(n, number) for _, _, n, number in sorted(edges)])
    return tuple(
        _pair(wanted[n], moments[number], tolerance, frame_seconds) for n, number in paired.items()
    )


def _pair(event: TrueEvent, moment: Event, tolerance: float, frame_seconds: float) -> Pair:
    true = (event.start_seconds, event.end_seconds)
    found = (moment.start_seconds, moment.end_seconds)
    strokes = [stroke.seconds for stroke in moment.strokes]
    return Pair(
        *true, moment.number, *found,
        overlap=overlap(true, found, frame_seconds),
        peak_error_seconds=(
            abs(moment.peak_seconds - event.peak_seconds) if event.has_peak else None
        ),
        true_strokes=len(event.strokes),
        strokes=len(strokes),
        stroke_hits=_paired_times(event.strokes, strokes, tolerance),
    )  # fmt: skip


def _strokes(
    wanted: Sequence[TrueEvent], moments: Sequence[Event], near: Sequence[Sequence[int]],
    tolerance: float,
) -> tuple[int, int, int]:  # fmt: skip
    """Return how many strokes are true, found, and paired.

    Paired across events: one event may hold the strokes of two true stretches, or half of one's.
    """
    listing = [n for n, event in enumerate(wanted) if event.strokes]
    true = [time for n in listing for time in wanted[n].strokes]
    numbers = {number for n in listing for number in near[n]}
    found = [stroke.seconds for number in sorted(numbers) for stroke in moments[number].strokes]
    return len(true), len(found), _paired_times(true, found, tolerance)


def _paired_times(true: Sequence[float], found: Sequence[float], tolerance: float) -> int:
    """Return how many times can be paired one to one.

    In order of time: of points on a line with one tolerance for all, the earliest that fits is
    never a worse choice than a later one.
    """
    ordered, count, place = sorted(found), 0, 0
    for time in sorted(true):
        while place < len(ordered) and ordered[place] < time - tolerance - 1e-9:
            place += 1
        if place < len(ordered) and ordered[place] <= time + tolerance + 1e-9:
            count, place = count + 1, place + 1
    return count


def _timing(event: TrueEvent, moments: Sequence[Event], near: Sequence[int]) -> float:
    """Return how far the nearest matching peak is from the true one (seconds)."""
    return min(abs(moments[number].peak_seconds - event.peak_seconds) for number in near)


def _by_kind(wanted: Sequence[TrueEvent], hits: Sequence[int]) -> dict[str, tuple[int, int]]:
    of = Counter(event.kind for event in wanted)
    found = Counter(wanted[n].kind for n in hits)
    return {kind: (found[kind], of[kind]) for kind in sorted(of)}


def _added(parts: Iterable[dict[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    added: dict[str, tuple[int, int]] = {}
    for part in parts:
        for kind, (hits, of) in part.items():
            before = added.get(kind, (0, 0))
            added[kind] = before[0] + hits, before[1] + of
    return dict(sorted(added.items()))


def _spans(events: Sequence[TrueEvent] | Sequence[Event]) -> list[Span]:
    return [(event.start_seconds, event.end_seconds) for event in events]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
