"""Which events and candidates of a result a judgement is about.

A judgement is kept by content, kind and peak. In each result over the content it is about the row
of that kind whose peak is nearest, of those whose frames are within the scan's
`events.merge_seconds` of the judged peak. Of several judgements about one row, that of the nearest
peak counts. An event is passed over where a rejected candidate's peak is nearer: then the
judgement is about that candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from sqlite3 import Connection
from typing import Literal

import numpy as np
from numpy.typing import NDArray

List = Literal["moments", "candidates"]
LISTS: tuple[List, ...] = ("moments", "candidates")
MERGE_SECONDS = 0.25
"""`events.merge_seconds` of a spec that does not state it"""
_MOST_KEPT = 16
_SPAN = (
    "{0}, json_extract(body, '$.peak_frame'), json_extract(body, '$.start_seconds'), "
    "json_extract(body, '$.peak_seconds'), json_extract(body, '$.end_seconds'), "
    "json_extract(body, '$.score')"
)
_QUERIES: dict[List, str] = {
    "moments": f"SELECT {_SPAN.format('number')}, 1 FROM moments "
    "WHERE content = ? AND spec_hash = ? AND kind = ? ORDER BY number",
    "candidates": f"SELECT {_SPAN.format('number')}, json_extract(body, '$.accepted') "
    "FROM candidates WHERE content = ? AND spec_hash = ? AND json_extract(body, '$.kind') = ? "
    "ORDER BY number",
}


@dataclass(frozen=True, slots=True)
class Peak:
    """A judged peak: its frame, its time, and what was said of it."""

    frame: int
    seconds: float
    judgement: str


@dataclass(frozen=True)
class Spans:
    """The rows of one kind in a list of a result.

    Times are in seconds.
    """

    table: NDArray[np.float64]
    """(rows, 7): number, peak frame, start, peak, end, score (NaN for none), accepted"""

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        """Return the frame of each row's peak."""
        return self.table[:, 1].astype(np.int64)

    def at_frame(self, frame: int) -> NDArray[np.intp]:
        """Return the places of the rows whose peak is a frame."""
        return np.flatnonzero(self.frames == frame)

    def nearest(self, seconds: float, within: float) -> NDArray[np.intp]:
        """Return the places of the row a judged peak is about.

        None if all are too far away; several only if they have one and the same peak.
        """
        _, _, start, peak, end, _, _ = self.table.T
        margin = within + 1e-9
        near = np.flatnonzero((start - margin <= seconds) & (seconds <= end + margin))
        if not len(near):
            return near
        best = near[np.abs(peak[near] - seconds).argmin()]
        return np.asarray(near[peak[near] == peak[best]])

    def distance(self, places: NDArray[np.intp], seconds: float) -> float:
        """Return how far the peak of the first of some rows is from a time; infinite if none is."""
        return float(abs(self.table[places[0], 3] - seconds)) if len(places) else float("inf")


class JudgedRows:
    """Keeps the table `judged` equal to what follows from `judgements`.

    What it reads of results is kept until `revision` is another one: so judging one event after
    another of a long video reads its events once.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str, List], Spans] = {}
        self._revision = -1

    def spans(
        self, connection: Connection, content: str, spec_hash: str, kind: str, which: List
    ) -> Spans:
        """Return the rows of one kind in a list of a result."""
        revision = int(connection.execute("SELECT number FROM revision").fetchone()[0])
        if revision != self._revision:
            self._kept, self._revision = {}, revision
        key = (content, spec_hash, kind, which)
        if key not in self._kept:
            found = connection.execute(_QUERIES[which], (content, spec_hash, kind)).fetchall()
            spans = Spans(np.array(found, np.float64).reshape(-1, 7))
            self._kept = dict(list(self._kept.items())[1 - _MOST_KEPT :]) | {key: spans}
        return self._kept[key]

    def match(
        self,
        connection: Connection,
        content: str,
        spec_hash: str,
        kind: str,
        about: Iterable[float] | None = None,
    ) -> None:
        """Write down which rows of a result are judged, inside the caller's transaction.

        With `about`, only rows that judged peaks at these times may be about can have changed.
        """
        within = merge_seconds(connection, spec_hash)
        events, candidates = (
            self.spans(connection, content, spec_hash, kind, which) for which in LISTS
        )
        peaks = _peaks(connection, content, kind)
        for which, spans in (("moments", events), ("candidates", candidates)):
            places = None if about is None else _reached(spans, about, within)
            if places is not None and not len(places):
                continue
            near = peaks if places is None else _near(peaks, spans, places, within)
            rivals = candidates if which == "moments" else None
            found = _assigned(spans, near, within, rivals)
            changed = range(len(spans.table)) if places is None else places.tolist()
            _write(connection, (content, spec_hash, which), kind, spans, changed, found)


def merge_seconds(connection: Connection, spec_hash: str) -> float:
    """Return how close to an event a judged peak must be, by the settings of a spec."""
    row = connection.execute(
        "SELECT json_extract(spec, '$.events.merge_seconds') FROM scans WHERE spec_hash = ? "
        "LIMIT 1",
        (spec_hash,),
    ).fetchone()
    return MERGE_SECONDS if row is None or row[0] is None else float(row[0])


def _peaks(connection: Connection, content: str, kind: str) -> list[Peak]:
    rows = connection.execute(
        "SELECT frame, seconds, judgement FROM judgements WHERE content = ? AND kind = ? "
        "ORDER BY seconds",
        (content, kind),
    )
    return [Peak(int(frame), float(seconds), str(said)) for frame, seconds, said in rows]


def _reached(spans: Spans, about: Iterable[float], within: float) -> NDArray[np.intp]:
    """Return the places of the rows that judged peaks at these times may be about."""
    found = [spans.nearest(seconds, within) for seconds in about]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.intp)


def _near(
    peaks: Sequence[Peak], spans: Spans, places: NDArray[np.intp], within: float
) -> list[Peak]:
    """Return the judged peaks that may be about some rows."""
    low = spans.table[places, 2].min() - within - 1e-6
    high = spans.table[places, 4].max() + within + 1e-6
    return [peak for peak in peaks if low <= peak.seconds <= high]


def _assigned(
    spans: Spans, peaks: Iterable[Peak], within: float, rivals: Spans | None
) -> dict[int, Peak]:
    """Return the judged peak of each row that has one, by the row's place.

    `rivals` are candidates: a peak that a rejected one is nearer to than the row is not the row's.
    """
    found: dict[int, Peak] = {}
    for peak in peaks:
        places = spans.nearest(peak.seconds, within)
        if rivals is not None and _is_of_rejected(peak, places, spans, rivals, within):
            continue
        for place in places.tolist():
            former = found.get(place)
            distance = abs(spans.table[place, 3] - peak.seconds)
            if former is None or distance < abs(spans.table[place, 3] - former.seconds):
                found[place] = peak
    return found


def _is_of_rejected(
    peak: Peak, places: NDArray[np.intp], spans: Spans, rivals: Spans, within: float
) -> bool:
    others = rivals.nearest(peak.seconds, within)
    nearer = rivals.distance(others, peak.seconds) < spans.distance(places, peak.seconds)
    return nearer and not rivals.table[others, 6].any()


def _write(
    connection: Connection,
    key: tuple[str, str, str],
    kind: str,
    spans: Spans,
    places: Iterable[int],
    found: dict[int, Peak],
) -> None:
    numbers = {place: int(spans.table[place, 0]) for place in places}
    connection.executemany(
        "DELETE FROM judged WHERE content = ? AND spec_hash = ? AND list = ? AND number = ?",
        [(*key, number) for number in numbers.values()],
    )
    connection.executemany(
        "INSERT INTO judged VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*key, numbers[place], kind, peak.frame, float(spans.table[place, 5]), peak.judgement)
            for place, peak in found.items()
            if place in numbers
        ],
    )
