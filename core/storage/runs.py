"""Scans and their tasks as rows; jobs of other kinds in the same table are in `jobs.py`."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .database import Database
from .jobs import OPEN, check_is_scan, now

UNFINISHED = ("queued", "running")
FINISHED = ("done", "known")


@dataclass(frozen=True, slots=True)
class ScanRow:
    """A scan as kept. `asked` is what it was asked for: paths, globs and modes."""

    id: int
    created: str
    finished: str | None
    profile: str
    spec: dict[str, Any]
    spec_hash: str
    state: str
    asked: dict[str, Any]

    @property
    def was_settled(self) -> bool:
        """Return whether it was found complete, its end never noted, and not resumed since."""
        return self.state in OPEN or (self.state == "done" and self.finished is None)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One source of a scan. States: queued, running, done, known (nothing to do), failed.

    `stream` is the number of the video stream that is looked at; None where the file chooses.
    """

    scan: int
    number: int
    path: str
    kind: str
    content: str | None
    state: str
    reason: str
    frames: int
    moments: int
    seconds: float
    stream: int | None = None


class Runs:
    """Reads and writes scans and tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        profile: str,
        spec: dict[str, Any],
        spec_hash: str,
        asked: dict[str, Any],
        tasks: Sequence[TaskRow],
    ) -> int:
        """Add a scan with its tasks (whose `scan` does not matter) and return its number."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO scans (created, profile, spec, spec_hash, state, asked) "
                "VALUES (?, ?, ?, ?, 'running', ?)",
                (now(), profile, json.dumps(spec), spec_hash, json.dumps(asked)),
            )
            scan = int(row.lastrowid or 0)
            _insert_tasks(connection, scan, tasks)
            return scan

    def set_state(self, scan: int, state: str) -> None:
        """Set the state of a scan; an ended one gets its time."""
        finished = None if state in ("running", "interrupted") else now()
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE scans SET state = ?, finished = ? WHERE id = ?", (state, finished, scan)
            )

    def settle(self, active: Collection[int] = (), later: int | None = None) -> list[int]:
        """Settle scans that were cut short (by a kill, say) but have nothing left; return them.

        A task is done, too, when a later scan of the same spec did its file. What is left open
        counts as interrupted; a complete scan as done, its time of end unknown. `active` are the
        scans that are running; with `later`, only that scan is looked at for what it did.
        """
        with self._database.transaction() as connection:
            for scan, spec_hash, redo in _cut_short(connection, active):
                _take_over(connection, scan, spec_hash, later, redo=redo)
            states = ",".join("?" * len(OPEN))
            complete = [
                int(row[0])
                for row in connection.execute(
                    f"SELECT id FROM scans WHERE job_kind = 'scan' AND state IN ({states}) "
                    "AND NOT EXISTS "
                    "(SELECT 1 FROM tasks WHERE scan = id AND state IN (?, ?)) ORDER BY id",
                    (*OPEN, *UNFINISHED),
                )
                if int(row[0]) not in active
            ]
            connection.executemany(
                "UPDATE scans SET state = 'done', finished = NULL WHERE id = ?",
                [(scan,) for scan in complete],
            )
            connection.executemany(
                "UPDATE scans SET state = 'interrupted' WHERE id = ? AND state = 'running'",
                [(scan,) for scan, _, _ in _cut_short(connection, active)],
            )
        return complete

    def add_tasks(self, scan: int, tasks: Iterable[TaskRow]) -> None:
        """Add tasks, or replace those with the same number."""
        with self._database.transaction() as connection:
            _insert_tasks(connection, scan, tasks)

    def get(self, scan: int) -> ScanRow:
        """Return a scan. Raises UnknownName, or UsageError for a job of another kind."""
        with self._database.reading() as connection:
            check_is_scan(connection, scan)
            row = connection.execute(f"SELECT {_SCAN} FROM scans WHERE id = ?", (scan,)).fetchone()
        return _scan(row)

    def all(self) -> list[ScanRow]:
        """Return every scan, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_SCAN} FROM scans WHERE job_kind = 'scan' ORDER BY id DESC"
            ).fetchall()
        return [_scan(row) for row in rows]

    def tasks(self, scan: int, states: Sequence[str] = ()) -> list[TaskRow]:
        """Return a scan's tasks in order, of some states or all."""
        where = f" AND state IN ({','.join('?' * len(states))})" if states else ""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_TASK} FROM tasks WHERE scan = ?{where} ORDER BY number", (scan, *states)
            ).fetchall()
        return [_task(row) for row in rows]

    def task_page(
        self, active: Sequence[int], scan: int | None, words: Sequence[str], first: int, last: int
    ) -> tuple[int, list[TaskRow]]:
        """Return how many tasks there are and those from `first` to `last` - 1.

        Of one scan, or of all: those of `active` first, in that order, then the newest scans.
        `words` must all be in a task's path, state or reason.
        """
        where, values = task_conditions(scan, words)
        places = " ".join(f"WHEN {number:d} THEN {place}" for place, number in enumerate(active))
        order = (
            f"CASE scan {places} ELSE {len(active)} END, scan DESC, number"
            if active
            else ("scan DESC, number")
        )
        with self._database.reading() as connection:
            total = connection.execute(f"SELECT count(*) FROM tasks{where}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT {_TASK} FROM tasks{where} ORDER BY {order} LIMIT ? OFFSET ?",
                (*values, max(last - first, 0), max(first, 0)),
            ).fetchall()
        return int(total), [_task(row) for row in rows]

    def counts(self, scan: int) -> dict[str, int]:
        """Return how many tasks are in each state, and `moments`, the sum of theirs."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT state, count(*), sum(moments) FROM tasks WHERE scan = ? GROUP BY state",
                (scan,),
            ).fetchall()
        counts = {str(state): int(count) for state, count, _ in rows}
        counts["moments"] = sum(int(moments or 0) for _, _, moments in rows)
        return counts

    def remove(self, scan: int) -> None:
        """Remove a scan and its tasks; results stay until no scan needs them (see `prune`)."""
        self.get(scan)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM scans WHERE id = ?", (scan,))

    def latest_of(self, path: str) -> Iterator[tuple[int, str, str]]:
        """Yield (scan, spec hash, content) of finished tasks over a path, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT scan, spec_hash, content FROM tasks JOIN scans ON scans.id = scan "
                "WHERE path = ? AND content IS NOT NULL ORDER BY scan DESC",
                (os.fsencode(path),),
            ).fetchall()
        yield from ((int(scan), str(spec), str(content)) for scan, spec, content in rows)


def task_conditions(scan: int | None, words: Sequence[str]) -> tuple[str, list[Any]]:
    """Return the SQL that a task is of a scan and has all words, and its values."""
    parts: list[str] = ["scan = ?"] if scan is not None else []
    values: list[Any] = [scan] if scan is not None else []
    for word in words:
        parts.append("instr(lower(CAST(path AS TEXT) || ' ' || state || ' ' || reason), ?) > 0")
        values.append(word.lower())
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values


_SCAN = "id, created, finished, profile, spec, spec_hash, state, asked"
_TASK = "scan, number, path, kind, content, state, reason, frames, moments, seconds, stream"


def _cut_short(
    connection: sqlite3.Connection, active: Collection[int]
) -> list[tuple[int, str, bool]]:
    """Return number, spec hash and whether all is to be redone of scans that did not end."""
    rows = connection.execute(
        f"SELECT id, spec_hash, json_extract(asked, '$.mode') = 'redo' FROM scans "
        f"WHERE job_kind = 'scan' AND state IN ({','.join('?' * len(OPEN))})",
        OPEN,
    )
    return [(int(scan), str(spec), bool(redo)) for scan, spec, redo in rows if scan not in active]


def _take_over(
    connection: sqlite3.Connection, scan: int, spec_hash: str, later: int | None, *, redo: bool
) -> None:
    """End a scan's open tasks as the latest later scan of the same spec ended them.

    A scan that is to do all again (`redo`) takes over only what was read since.
    """
    open_ones = connection.execute(
        "SELECT number, path, stream FROM tasks WHERE scan = ? AND state IN (?, ?)",
        (scan, *UNFINISHED),
    ).fetchall()
    if not open_ones:
        return
    states = ("done", "failed") if redo else ("done", "known", "failed")
    ended = {
        (path, stream): rest
        for path, stream, *rest in connection.execute(
            "SELECT path, stream, kind, content, "
            "CASE tasks.state WHEN 'failed' THEN 'failed' ELSE 'known' END, "
            "reason, frames, moments FROM tasks JOIN scans ON scans.id = scan "
            "WHERE scan > ? AND spec_hash = ? AND scan = coalesce(?, scan) "
            f"AND tasks.state IN ({','.join('?' * len(states))}) ORDER BY scan",
            (scan, spec_hash, later, *states),
        )
    }
    connection.executemany(
        "UPDATE tasks SET kind = ?, content = ?, state = ?, reason = ?, frames = ?, moments = ? "
        "WHERE scan = ? AND number = ?",
        [
            (*ended[path, stream], scan, number)
            for number, path, stream in open_ones
            if (path, stream) in ended
        ],
    )


def _insert_tasks(connection: sqlite3.Connection, scan: int, tasks: Iterable[TaskRow]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (scan, t.number, os.fsencode(t.path), t.kind, t.content, t.state, t.reason,
             t.frames, t.moments, t.seconds, t.stream)
            for t in tasks
        ),
    )  # fmt: skip


def _scan(row: sqlite3.Row | tuple[Any, ...]) -> ScanRow:
    number, created, finished, profile, spec, spec_hash, state, asked = row
    return ScanRow(
        number, created, finished, profile, json.loads(spec), spec_hash, state, json.loads(asked)
    )


def _task(row: sqlite3.Row | tuple[Any, ...]) -> TaskRow:
    scan, number, path, *rest = row
    return TaskRow(scan, number, os.fsdecode(path), *rest)
