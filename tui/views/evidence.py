"""What stands beside a find: why it was accepted or rejected, its course, where in the video it is.

Nothing here draws or asks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from core.protocol.requests.review import Density, Ratio, Ratios, SeriesRows
from core.text import clean, counted

from ..look.roles import kind_role
from ..widgets.curve import Course
from ..widgets.line import LineSpan
from ..widgets.ratio_bars import RatioBar
from ..widgets.timeline import Mark
from . import wording

SPAN_SECONDS = 1.0
"""of a course, before and after its middle"""
DENSITY_BINS = 1000
USUAL_RATE = 30.0
MOST_FRAMES = 300
"""of a course, before and after its middle"""
_MEASURES = {
    "mean": "brightness", "share": "share of the frame that moves",
    "changed": "share of the frame that changed",
}  # fmt: skip
"""the columns that are drawn as a curve, the first of them that a stage has"""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Why:
    """Why a row was accepted or rejected: a title, a line, ratios, and which of them decided."""

    title: str
    line: list[LineSpan]
    bars: tuple[RatioBar, ...] = ()
    decided: str = ""
    facts: str = ""
    """the ratio that decided, in words"""


def why(row: Row, ratios: Ratios | None, needed: float | None) -> Why:
    """Return why a row was accepted or rejected; `needed` is the score it needed, if known."""
    known = ratio_bars(row, ratios)
    bars, reason = tuple(bar for bar, _ in known), str(row.get("reason") or "")
    if row.get("accepted", True):
        return Why("Why accepted", _score_line(row, needed), bars)
    decided = next((bar.name for bar, words in known if words == reason), "")
    if not decided:
        return Why("Why rejected", [*_reason(reason), *_score_line(row, needed)], bars)
    facts = f"{decided} {_below(known, decided)}"
    return Why("Why rejected", _reason(reason)[:1], bars, decided, facts)


def _reason(words: str) -> list[LineSpan]:
    return [LineSpan(clean(words) or "rejected", "bad", bold=True), LineSpan("  ")]


def ratio_bars(row: Row, ratios: Ratios | None) -> list[tuple[RatioBar, str]]:
    """Return the ratios of a row's facts, and the reason that each of them gives.

    Of those that are measured together, where the facts have all of them.
    """
    facts = row.get("facts") or {}
    for group in ratios.groups if ratios is not None else ():
        if all(_is_number(facts.get(ratio.name)) for ratio in group):
            return [(_bar(ratio, facts), ratio.reason) for ratio in group]
    return []


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _bar(ratio: Ratio, facts: Mapping[str, Any]) -> RatioBar:
    return RatioBar(clean(ratio.name), float(facts[ratio.name]), ratio.floor, ratio.enough)


def _below(known: Sequence[tuple[RatioBar, str]], decided: str) -> str:
    bar = next(bar for bar, _ in known if bar.name == decided)
    limit = bar.floor if bar.value < bar.floor else bar.enough
    word = "floor" if bar.value < bar.floor else "enough"
    return f"{bar.value:.2f}, {word} {limit:.2f}"


def _score_line(row: Row, needed: float | None) -> list[LineSpan]:
    parts = [LineSpan("score ", "dim"), LineSpan(wording.score(row["score"]), "flash", bold=True)]
    least = row.get("threshold") if needed is None else needed
    if least is not None:
        parts += [LineSpan(" needs ", "dim"), LineSpan(wording.score(least), "dim")]
    if row.get("energy"):
        parts += [LineSpan("  energy ", "dim"), LineSpan(_energy(row["energy"]))]
    return parts


def _energy(number: float) -> str:
    """Return an energy in groups of three; below 100 with a decimal."""
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}".replace(",", " ")


# The course around an instant


def frames_around(row: Row) -> tuple[int, int]:
    """Return the first frame that a course needs, and the one after the last."""
    frame, seconds = int(row["frame"]), float(row["seconds"])
    rate = frame / seconds if frame and seconds > 0 else USUAL_RATE
    around = min(int(rate * SPAN_SECONDS) + 2, MOST_FRAMES)
    return max(frame - around, 0), frame + around + 1


def course(found: SeriesRows, middle: float) -> Course:
    """Return what was measured as a curve around a time in seconds."""
    measure = measure_of(found)
    values = found.values[found.columns.index(measure)] if measure else ()
    seconds = tuple(at - middle for at in found.seconds)
    return Course(seconds, values, found.scores, found.threshold)


def measure_of(found: SeriesRows) -> str:
    """Return the column that is drawn; empty where a stage measures nothing."""
    columns = found.columns
    known = next((each for each in _MEASURES if each in columns), "")
    return known or (columns[0] if columns else "")


def course_facts(found: SeriesRows, middle: float) -> tuple[str, list[LineSpan]]:
    """Return what a curve shows, and its value at the middle and before it."""
    drawn = course(found, middle)
    measure = measure_of(found)
    name = _MEASURES.get(measure, clean(measure))
    place = place_at(drawn.seconds, 0.0)
    before = [value for value in drawn.values[:place] if value is not None]
    at = drawn.values[place] if place < len(drawn.values) else None
    facts = [] if at is None else [LineSpan(f"peak {at:.3g}", "flash", bold=True)]
    if before:
        facts.append(LineSpan(f"  before {median(before):.3g}", "dim"))
    return name, facts


def place_at(seconds: Sequence[float], at: float) -> int:
    """Return which of some times is nearest to another."""
    return min(range(len(seconds)), key=lambda n: abs(seconds[n] - at), default=0)


def moved(row: Row, found: SeriesRows, by: int) -> tuple[int, Row]:
    """Return how many frames away a frame is that the series has, and the row as of that frame."""
    middle = place_at(found.seconds, float(row["seconds"]))
    place = min(max(middle + by, 0), max(len(found.frames) - 1, 0))
    if not found.frames or place == middle:
        return 0, row
    changed = {"frame": found.frames[place], "seconds": found.seconds[place]}
    return place - middle, row | changed | {"objects": [], "drawn": []}  # those of another frame


def film(row: Row, found: SeriesRows, offset: int, count: int) -> list[tuple[str, Row | None]]:
    """Return label and row of the frames of a film strip; None where the video has none."""
    middle = place_at(found.seconds, float(row["seconds"]))
    frames: list[tuple[str, Row | None]] = []
    for by in range(offset - count // 2, offset + count // 2 + 1):
        place = middle + by
        there = 0 <= place < len(found.frames)
        values = {"frame": found.frames[place], "seconds": found.seconds[place]} if there else {}
        frames.append((f"{by:+d}" if by else "peak", row | values if there else None))
    return frames


# The whole video


def marks_of(density: Density) -> tuple[list[Mark], list[Mark]]:
    """Return the events and the rejected candidates of a video as marks on its time line."""
    accepted, rejected = [], []
    for kind in density.kinds:
        step = density.seconds / max(len(kind.events), 1)
        role = kind_role(kind.kind)
        for number, count in enumerate(kind.events):
            at = (number + 0.5) * step
            if count:
                accepted.append(Mark(at, role, kind.scores[number], count))
            if kind.rejected[number]:
                rejected.append(Mark(at, role, count=kind.rejected[number]))
    return accepted, rejected


def density_facts(density: Density, dot: str) -> list[LineSpan]:
    """Return how much was found in a video."""
    events = sum(sum(kind.events) for kind in density.kinds)
    rejected = sum(sum(kind.rejected) for kind in density.kinds)
    return [LineSpan(counted(events, "event")), LineSpan(f" {dot} {rejected} rejected", "dim")]
