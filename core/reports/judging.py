"""Which event or candidate is meant by a time of a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import UnknownName, UsageError
from ..protocol.requests.judgements import FoundEvent
from ..records import Candidate, Event
from ..scans.stored_spec import spec_of
from ..storage.judged_rows import List
from ..storage.library import Library
from ..stores.results import Result
from ..text import clean, clean_path
from ..times import WrittenTime, timecode
from .instant import located

MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class _Row:
    """An event, or a rejected candidate, with its number in its list."""

    which: List
    number: int
    found: Event | Candidate

    def distance(self, seconds: float) -> float:
        """Return how far its peak is from a time."""
        return abs(self.found.peak_seconds - seconds)

    @property
    def words(self) -> str:
        """Return it in words."""
        found, rejected = self.found, "" if self.which == "moments" else "rejected "
        at = f"{timecode(found.peak_seconds)} (frame {found.peak_frame}, score {found.score:g})"
        return f"{rejected}{clean(found.kind, limit=40)} at {at}"


def found_event(library: Library, path: str, when: WrittenTime, kind: str = "") -> FoundEvent:
    """Return the event or rejected candidate at a time of a source, see `FindEvent`.

    Raises UnknownName where there is none, UsageError where several are.
    """
    known, when, scan, result = located(library, path, when)
    rows = [row for row in _rows(result) if kind in ("", row.found.kind)]
    within = spec_of(library, scan).events.merge_seconds
    nearest = _nearest_of_each_kind(_matching(rows, when, within), when.seconds)
    if not nearest:
        raise UnknownName(_absent(known, rows, when, within, kind))
    if len(nearest) > 1:
        named = ", ".join(row.words for row in nearest[:MOST_NAMED])
        raise UsageError(
            f"{clean_path(known)}@{timecode(when.seconds)} may be {named}; name the kind"
        )
    return _view(library, scan, known, result, nearest[0])


def _rows(result: Result) -> Iterator[_Row]:
    yield from (_Row("moments", each.number, each) for each in result.moments)
    for number, each in enumerate(result.candidates):
        if not each.accepted:
            yield _Row("candidates", number, each)


def _matching(rows: Sequence[_Row], when: WrittenTime, within: float) -> list[_Row]:
    """Return the rows that a time may mean: the first of four ways that finds any."""
    seconds = when.seconds
    named = [row for row in rows if row.found.peak_frame == when.frame]
    exact = [row for row in rows if row.distance(seconds) <= when.tolerance_seconds]
    near = [row for row in rows if _is_near(row.found, seconds, within)]
    events = [row for row in near if row.which == "moments"]
    return named or exact or events or near


def _is_near(found: Event | Candidate, seconds: float, within: float) -> bool:
    margin = within + 1e-9
    return found.start_seconds - margin <= seconds <= found.end_seconds + margin


def _nearest_of_each_kind(rows: Sequence[_Row], seconds: float) -> list[_Row]:
    best: dict[str, _Row] = {}
    for row in sorted(rows, key=lambda row: (row.distance(seconds), row.which == "candidates")):
        best.setdefault(row.found.kind, row)
    return list(best.values())


def _absent(path: str, rows: Sequence[_Row], when: WrittenTime, within: float, kind: str) -> str:
    of_kind = f"{clean(kind, limit=40)} " if kind else ""
    said = (
        f"{clean_path(path)}: no {of_kind}event or candidate within {within:g} s of "
        f"{timecode(when.seconds)}"
    )
    near = sorted(rows, key=lambda row: row.distance(when.seconds))[:MOST_NAMED]
    return said + (f"; the nearest: {', '.join(row.words for row in near)}" if near else "")


def _view(library: Library, scan: int, path: str, result: Result, row: _Row) -> FoundEvent:
    found, key = row.found, (result.content, result.spec_hash, row.number)
    said = library.judgements.of_rows(row.which, [key]).get(key, "")
    return FoundEvent(
        scan, path, result.content, found.kind, found.peak_frame, found.peak_seconds, found.score,
        row.which == "moments", said,
    )  # fmt: skip
