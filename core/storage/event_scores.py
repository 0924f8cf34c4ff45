"""The scores of a result's events, without the events: what a histogram of many needs.

A row for each content, spec and kind holds the scores in the order of events, as float64,
little-endian. It is written and removed with the events themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from sqlite3 import Connection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .database import Database
from .scan_scope import scope

Scored = tuple[str, str, str, float]
"""content, spec hash, kind and score of an event"""


@dataclass(frozen=True, slots=True)
class FoundPeak:
    """The peak of an event, or of a candidate that was rejected."""

    kind: str
    seconds: float
    score: float
    accepted: bool


class EventScores:
    """Reads the scores and peaks of events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_scan(self, scan: int, kind: str = "") -> dict[str, NDArray[np.float64]]:
        """Return the scores of the events of a scan, or of all, by kind: float64 (events,)."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT kind_, scores FROM tasks JOIN scans ON scans.id = tasks.scan "
                "CROSS JOIN (SELECT content, spec_hash, kind AS kind_, scores FROM event_scores) "
                f"USING (content, spec_hash) WHERE {scope(scan)} AND (? = '' OR kind_ = ?)",
                (scan, kind, kind),
            ).fetchall()
        found: dict[str, list[bytes]] = {}
        for each, scores in rows:
            found.setdefault(str(each), []).append(scores)
        return {each: np.frombuffer(b"".join(parts), "<f8") for each, parts in found.items()}

    def peaks(self, content: str, spec_hash: str) -> list[FoundPeak]:
        """Return where the events and the rejected candidates of a result have their peaks."""
        key = content, spec_hash
        with self._database.reading() as connection:
            events = connection.execute(
                "SELECT kind, peak_seconds, score, 1 FROM moments "
                "WHERE content = ? AND spec_hash = ?",
                key,
            ).fetchall()
            rejected = connection.execute(
                "SELECT json_extract(body, '$.kind'), json_extract(body, '$.peak_seconds'), "
                "json_extract(body, '$.score'), 0 FROM candidates WHERE content = ? "
                "AND spec_hash = ? AND NOT json_extract(body, '$.accepted')",
                key,
            ).fetchall()
        return [FoundPeak(str(kind), float(at), float(score or 0.0), bool(accepted))
                for kind, at, score, accepted in (*events, *rejected)]  # fmt: skip


def keep(connection: Connection, events: Iterable[Scored]) -> None:
    """Keep the scores of events, those of a content and spec one after another, in order."""
    connection.executemany("INSERT INTO event_scores VALUES (?, ?, ?, ?)", _packed(events))


def _packed(events: Iterable[Scored]) -> Iterator[tuple[str, str, str, bytes]]:
    for key, of_result in groupby(events, key=lambda each: each[:2]):
        by_kind: dict[str, list[float]] = {}
        for _, _, kind, score in of_result:
            by_kind.setdefault(kind, []).append(score)
        for kind, scores in by_kind.items():
            yield (*key, kind, np.array(scores, "<f8").tobytes())
