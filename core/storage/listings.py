"""Long lists of results, read a page at a time however long they are.

In the order of sources a page is found by counting (how many rows each source has), so a list of a
million rows opens at once. Any other order, or a filter, first lists the keys of all rows that
match: 16 bytes each, read once and kept until the library changes. Judgements change no list but
those that are filtered by them, and these are made of the list without (see `judged_keys.py`).
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from . import judged_keys, source_facts
from .conditions import Condition, Kind, where
from .database import Database
from .judgements import Judgements

Key = tuple[int, int]
"""a task's number in its scan, and a moment's or candidate's number or a frame in it"""

_SOURCE = "tasks JOIN scans ON scans.id = tasks.scan"
_JOINS: dict[Kind, str] = {
    "moments": f"{_SOURCE} JOIN moments AS r USING (content, spec_hash)",
    "candidates": f"{_SOURCE} JOIN candidates AS r USING (content, spec_hash)",
    "frames": f"{_SOURCE} JOIN shown USING (content, spec_hash) "
    "JOIN annotations AS r ON r.id = shown.annotation",
}
_NUMBER: dict[Kind, str] = {"moments": "r.number", "candidates": "r.number", "frames": "r.frame"}
_REVISION = "SELECT number FROM revision"
_SORTS: dict[Kind, dict[str, str]] = {
    "moments": {
        "time": "peak_seconds",
        "score": "score",
        "kind": "kind",
        "energy": "json_extract(r.body, '$.energy')",
    },
    "candidates": {
        "time": "json_extract(r.body, '$.peak_seconds')",
        "score": "json_extract(r.body, '$.score')",
        "kind": "json_extract(r.body, '$.kind')",
        "energy": "json_extract(r.body, '$.energy')",
    },
    "frames": {"time": "seconds", "score": "frame", "kind": "frame", "energy": "frame"},
}


@dataclass(frozen=True, slots=True)
class RowSelection:
    """Which rows, in which order."""

    scan: int
    kind: Kind
    conditions: tuple[Condition, ...] = ()
    sort: str = "source"
    descending: bool = False

    @property
    def plain(self) -> bool:
        """Return whether these are all rows in the order of sources."""
        bare = RowSelection(self.scan, self.kind)
        return self == bare


class Keys(Protocol):
    """The keys of all rows of a list."""

    def __len__(self) -> int: ...

    def window(self, first: int, last: int) -> list[Key]:
        """Return the keys of rows `first` to `last` - 1."""

    def flat(self) -> NDArray[np.int64]:
        """Return all keys one after another: int64 of shape (2 * rows,)."""

    def counts(self) -> list[tuple[int, int]]:
        """Return (task, rows) in their order, for a list in the order of sources."""


class Listings:
    """Finds keys of rows, and rows by their keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._judgements = Judgements(database)
        with database.reading() as connection:
            source_facts.register(connection)
        self._kept: dict[RowSelection, tuple[int, Keys]] = {}

    def keys(self, wanted: RowSelection) -> Keys:
        """Return the keys of all rows that are wanted."""
        base, admitted = judged_keys.split(wanted)
        is_judged = admitted != judged_keys.ALL
        version = self._version("PRAGMA data_version" if is_judged else _REVISION)
        kept = self._kept.pop(wanted, None)
        if kept is not None and kept[0] == version:
            self._kept[wanted] = kept  # the one that was used last
            return kept[1]
        found = self._admitted(base, admitted) if is_judged else self._read(base)
        self._kept = dict(list(self._kept.items())[-3:]) | {wanted: (version, found)}
        return found

    def _version(self, query: str) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(query).fetchone()[0])

    def _read(self, wanted: RowSelection) -> Keys:
        return self._counted(wanted) if wanted.plain else self._listed(wanted)

    def _admitted(self, base: RowSelection, admitted: frozenset[str]) -> Keys:
        """Return the keys of a list whose judgements are admitted."""
        if not admitted or base.kind == "frames":
            return self.keys(base) if admitted else _Listed(np.zeros(0, np.int64))
        judged = self._judgements.of_scan(base.scan, base.kind)
        if base.plain and "" not in admitted:
            return _Listed(judged_keys.admitted_alone(judged, admitted))
        return _Listed(judged_keys.admitted_rows(self.keys(base).flat(), judged, admitted))

    def rows(self, wanted: RowSelection, keys: Sequence[Key]) -> list[dict[str, Any]]:
        """Return task, path, content, spec_hash, number and body of moments or candidates."""
        by_task: dict[int, list[int]] = {}
        for task, number in keys:
            by_task.setdefault(task, []).append(number)
        found: dict[Key, dict[str, Any]] = {}
        for task, numbers in by_task.items():
            for row in self._of_task(wanted, task, numbers):
                found[task, row["number"]] = row
        return [found[key] for key in keys if key in found]

    def matching(self, kind: Kind, conditions: Sequence[Condition]) -> set[tuple[str, str, int]]:
        """Return (content, spec hash, number) of rows of all scans that fulfil conditions.

        The number of a frame is the frame's. Conditions on judgements are not among them.
        """
        condition, values = where(kind, conditions)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT DISTINCT tasks.content, scans.spec_hash, {_NUMBER[kind]} "
                f"FROM {_JOINS[kind]} WHERE {condition}",
                values,
            ).fetchall()
        return {(str(content), str(spec), int(number)) for content, spec, number in rows}

    def sources(self, conditions: Sequence[Condition]) -> dict[str, set[str]]:
        """Return the paths of all sources that fulfil conditions on sources, by content."""
        condition, values = where("frames", conditions)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT DISTINCT tasks.content, tasks.path FROM {_SOURCE} "
                f"WHERE tasks.content IS NOT NULL AND {condition}",
                values,
            ).fetchall()
        found: dict[str, set[str]] = {}
        for content, path in rows:
            found.setdefault(str(content), set()).add(os.fsdecode(path))
        return found

    def has_kind(self, kind: str) -> bool:
        """Return whether any event or candidate is of a kind, in lower case."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM moments WHERE lower(kind) = ?1) OR EXISTS (SELECT 1 "
                "FROM candidates WHERE lower(json_extract(body, '$.kind')) = ?1)",
                (kind,),
            ).fetchone()
        return bool(row[0])

    def tasks(self, scan: int, numbers: Sequence[int]) -> dict[int, tuple[str, str, str]]:
        """Return number -> (path, content, spec hash) of tasks with results."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT number, path, content, spec_hash FROM {_SOURCE} WHERE scan = ? "
                f"AND content IS NOT NULL AND number IN ({','.join('?' * len(numbers))})",
                (scan, *numbers),
            ).fetchall()
        return {int(n): (os.fsdecode(path), str(c), str(s)) for n, path, c, s in rows}

    def _of_task(self, wanted: RowSelection, task: int, numbers: list[int]) -> list[dict[str, Any]]:
        low, high = min(numbers), max(numbers)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT path, content, spec_hash, r.number, r.body FROM {_JOINS[wanted.kind]} "
                "WHERE scan = ? AND tasks.number = ? AND r.number BETWEEN ? AND ? "
                "ORDER BY r.number",
                (wanted.scan, task, low, high),
            ).fetchall()
        return [
            {"task": task, "path": os.fsdecode(path), "content": content, "spec_hash": spec,
             "number": int(number), "body": body}
            for path, content, spec, number, body in rows
        ]  # fmt: skip

    def _counted(self, wanted: RowSelection) -> Keys:
        if wanted.kind == "moments":
            query = f"SELECT number, moments, 0 FROM {_SOURCE} WHERE scan = ? ORDER BY number"
        elif wanted.kind == "candidates":
            query = (
                f"SELECT tasks.number, count(*), min(r.number) FROM {_JOINS['candidates']} "
                "WHERE scan = ? GROUP BY tasks.number ORDER BY tasks.number"
            )
        else:
            return self._listed(wanted)
        with self._database.reading() as connection:
            rows = connection.execute(query, (wanted.scan,)).fetchall()
        first = 1 if wanted.kind == "moments" else 0
        return _Counted([(int(task), int(count)) for task, count, _ in rows if count], first)

    def _listed(self, wanted: RowSelection) -> Keys:
        condition, values = where(wanted.kind, wanted.conditions)
        number = _NUMBER[wanted.kind]
        order = _order(wanted)
        grouped = " GROUP BY tasks.number, r.frame" if wanted.kind == "frames" else ""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT tasks.number, {number} FROM {_JOINS[wanted.kind]} "
                f"WHERE scan = ? AND {condition}{grouped} ORDER BY {order}",
                [wanted.scan, *values],
            )
            flat = array("q", (value for row in rows for value in row))
        return _Listed(np.frombuffer(flat, np.int64) if flat else np.zeros(0, np.int64))


class _Counted:
    """Rows numbered from `first` on within each task."""

    def __init__(self, counts: Sequence[tuple[int, int]], first: int) -> None:
        self._tasks = [task for task, _ in counts]
        self._counts = [count for _, count in counts]
        self._ends = list(accumulate(count for _, count in counts))
        self._first = first

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def window(self, first: int, last: int) -> list[Key]:
        return [self._key(row) for row in range(max(first, 0), min(last, len(self)))]

    def counts(self) -> list[tuple[int, int]]:
        return list(zip(self._tasks, self._counts, strict=True))

    def flat(self) -> NDArray[np.int64]:
        before = np.repeat([0, *self._ends][: len(self._counts)], self._counts)
        tasks = np.repeat(np.array(self._tasks, np.int64), self._counts)
        return np.stack((tasks, np.arange(len(self)) - before + self._first), 1).ravel()

    def _key(self, row: int) -> Key:
        place = bisect_right(self._ends, row)
        before = self._ends[place - 1] if place else 0
        return self._tasks[place], row - before + self._first


class _Listed:
    """Keys one after another: task, number, task, number."""

    def __init__(self, flat: NDArray[np.int64]) -> None:
        self._flat = flat

    def flat(self) -> NDArray[np.int64]:
        return self._flat

    def counts(self) -> list[tuple[int, int]]:
        tasks = self._flat[::2]
        first = np.flatnonzero(np.diff(tasks, prepend=-1))
        ends = np.append(first[1:], len(tasks))
        return list(zip(tasks[first].tolist(), (ends - first).tolist(), strict=True))

    def __len__(self) -> int:
        return len(self._flat) // 2

    def window(self, first: int, last: int) -> list[Key]:
        part = self._flat[2 * max(first, 0) : 2 * max(last, 0)].tolist()
        return list(zip(part[::2], part[1::2], strict=True))


def _order(wanted: RowSelection) -> str:
    direction = " DESC" if wanted.descending else ""
    within = f"tasks.number{direction}, {_NUMBER[wanted.kind]}{direction}"
    if wanted.sort == "source":
        return within
    column = _SORTS[wanted.kind][wanted.sort]
    column = f"min(r.{column})" if wanted.kind == "frames" else _qualified(column)
    return f"{column}{direction}, tasks.number, {_NUMBER[wanted.kind]}"


def _qualified(column: str) -> str:
    return column if column.startswith("json_extract") else f"r.{column}"
