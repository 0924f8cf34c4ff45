"""Scoring found events against the truth: recall, precision, timing, and every miss by name.

An event and a true stretch match when they overlap in time, give or take a tolerance. Recall is
the share of true stretches with at least one match, precision the share of events with one (both
as in C. J. van Rijsbergen, "Information Retrieval", 1979, chapter 7). Several events inside one
long true stretch all count as right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ..errors import UsageError
from ..records import Moment
from ..text import clean

TOLERANCE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """One true stretch of a video, in seconds."""

    kind: str
    start_seconds: float
    end_seconds: float
    peak_seconds: float


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one video."""

    video: str
    events: tuple[TrueEvent, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """How found events compare with the truth; shares are None where nothing can be shared."""

    true: int
    found: int
    hits: int
    right: int
    recall: float | None
    precision: float | None
    recall_by_kind: dict[str, tuple[int, int]]
    timing_median_seconds: float | None
    timing_worst_seconds: float | None
    misses: tuple[TrueEvent, ...]
    false_alarms: tuple[Moment, ...]


def read_truth(path: Path) -> Truth:
    """Read a truth file: JSON with `events`, each with `kind`, `start_s`, `end_s` and `peak_s`."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        events = tuple(
            TrueEvent(
                str(event.get("kind", "event")),
                float(event["start_s"]),
                float(event["end_s"]),
                float(event.get("peak_s", event["start_s"])),
            )
            for event in body["events"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{clean(str(path))} is no truth file ({type(error).__name__}: {clean(str(error))}); "
            'it must be JSON like {"events": [{"kind": .., "start_s": .., "end_s": ..}]}'
        ) from error
    times = [t for e in events for t in (e.start_seconds, e.end_seconds, e.peak_seconds)]
    if not all(math.isfinite(time) for time in times):
        raise UsageError(f"{clean(str(path))} holds a time that is no number of seconds")
    return Truth(str(body.get("video", "")), events)


def score(
    moments: Sequence[Moment],
    truth: Sequence[TrueEvent],
    kinds: Sequence[str] = (),
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> Score:
    """Compare. With `kinds`, true stretches of other kinds must not be found."""
    wanted = [event for event in truth if not kinds or event.kind in kinds]
    hits = {n for n, event in enumerate(wanted) if _found(event, moments, tolerance_seconds)}
    right = [m for m in moments if any(_match(event, m, tolerance_seconds) for event in wanted)]
    errors = _timing_errors([wanted[n] for n in sorted(hits)], moments, tolerance_seconds)
    return Score(
        true=len(wanted),
        found=len(moments),
        hits=len(hits),
        right=len(right),
        recall=len(hits) / len(wanted) if wanted else None,
        precision=len(right) / len(moments) if moments else None,
        recall_by_kind={
            kind: (
                sum(wanted[n].kind == kind for n in hits),
                sum(event.kind == kind for event in wanted),
            )
            for kind in sorted({event.kind for event in wanted})
        },
        timing_median_seconds=median(errors) if errors else None,
        timing_worst_seconds=max(errors) if errors else None,
        misses=tuple(event for n, event in enumerate(wanted) if n not in hits),
        false_alarms=tuple(m for m in moments if m not in right),
    )


def _match(event: TrueEvent, moment: Moment, tolerance: float) -> bool:
    return (
        event.start_seconds - tolerance <= moment.end_seconds
        and event.end_seconds + tolerance >= moment.start_seconds
    )


def _found(event: TrueEvent, moments: Sequence[Moment], tolerance: float) -> bool:
    return any(_match(event, moment, tolerance) for moment in moments)


def _timing_errors(
    events: Sequence[TrueEvent], moments: Sequence[Moment], tolerance: float
) -> list[float]:
    """Return, for each hit, how far the nearest matching peak is from the true one (seconds)."""
    return [
        min(
            abs(moment.peak_seconds - event.peak_seconds)
            for moment in moments
            if _match(event, moment, tolerance)
        )
        for event in events
    ]
