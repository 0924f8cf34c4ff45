"""What the sources of a scan add up to, and where in a finished source its events are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .database import Database
from .runs import UNFINISHED, task_conditions

_BATCH = 500


@dataclass(frozen=True, slots=True)
class ScanSum:
    """All sources of a scan: how many are finished, and what was found in them.

    `first_path` and `last_path` are those at the ends of the alphabet: what they have in common all
    have. `seconds` is the sum of what each source took. `reason` is why one failed.
    """

    sources: int = 0
    done: int = 0
    failed: int = 0
    left: int = 0
    moments: int = 0
    seconds: float = 0.0
    first_path: str = ""
    last_path: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ListedScan:
    """A scan and how many of its sources are listed; None where those were not counted."""

    scan: int
    profile: str
    state: str
    spec_hash: str
    sources: int | None


class ScanSums:
    """Sums over the tables of scans and tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(self, words: Sequence[str]) -> list[ListedScan]:
        """Return every scan, the newest first; with `words`, those with sources that have them."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, profile, state, spec_hash FROM scans WHERE job_kind = 'scan' "
                "ORDER BY id DESC"
            ).fetchall()
            counts: dict[int, int] = {}
            if words:
                where, values = task_conditions(None, words)
                counts = dict(
                    connection.execute(
                        f"SELECT scan, count(*) FROM tasks{where} GROUP BY scan", values
                    ).fetchall()
                )
        return [
            ListedScan(int(scan), profile, state, spec_hash, counts.get(scan) if words else None)
            for scan, profile, state, spec_hash in rows
            if not words or scan in counts
        ]

    def count(self, scan: int) -> int:
        """Return how many sources a scan has."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT count(*) FROM tasks WHERE scan = ?", (scan,))
            return int(row.fetchone()[0])

    def sums(self, scans: Sequence[int]) -> dict[int, ScanSum]:
        """Return what the sources of each scan add up to."""
        found: dict[int, ScanSum] = {}
        for start in range(0, len(scans), _BATCH):
            part = scans[start : start + _BATCH]
            found |= {int(row[0]): _sum(row) for row in self._summed(part)}
        return {scan: found.get(scan, ScanSum()) for scan in scans}

    def _summed(self, scans: Sequence[int]) -> list[Any]:
        with self._database.reading() as connection:
            return connection.execute(
                "SELECT scan, count(*), sum(state IN ('done', 'known')), sum(state = 'failed'), "
                "sum(state IN (?, ?)), sum(moments), sum(seconds), min(path), max(path), "
                "max(CASE state WHEN 'failed' THEN reason ELSE '' END) FROM tasks "
                f"WHERE scan IN ({','.join('?' * len(scans))}) GROUP BY scan",
                (*UNFINISHED, *scans),
            ).fetchall()

    def marks(
        self, content: str, spec_hash: str, seconds: float, parts: int
    ) -> list[tuple[float, str]]:
        """Return where events are, as a share of `seconds`, and their kind: the best of each part.

        `parts` is how many equal parts the time is taken in.
        """
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT min(CAST(peak_seconds * ?3 / ?4 AS INTEGER), ?3 - 1) AS part, kind, "
                "max(score) FROM moments WHERE content = ?1 AND spec_hash = ?2 "
                "GROUP BY part ORDER BY part",
                (content, spec_hash, parts, seconds),
            ).fetchall()
        return [(round((int(part) + 0.5) / parts, 4), str(kind)) for part, kind, _ in rows]


def _sum(row: Any) -> ScanSum:
    _, sources, done, failed, left, moments, seconds, first, last, reason = row
    return ScanSum(
        int(sources), int(done), int(failed), int(left), int(moments), float(seconds),
        os.fsdecode(first), os.fsdecode(last), str(reason),
    )  # fmt: skip
