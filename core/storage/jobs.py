"""Jobs of every kind as rows: scans among them, in one sequence of numbers.

What is only true of scans (their sources and spec) is in `runs.py`. Jobs of a kind that this
version does not know are listed and never changed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..errors import UnknownName, UsageError
from ..text import clean
from .database import Database

SCAN = "scan"
"""the kind of the jobs that `runs.py` reads and writes"""
OPEN = ("running", "interrupted")
"""states of a job that may have work left"""
_COLUMNS = "id, job_kind, title, created, finished, profile, state, job_reason, total, plan, asked"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as kept. `plan` is what was asked of it: enough to continue after the process ended."""

    number: int
    kind: str
    title: str
    created: str
    finished: str | None
    profile: str
    state: str
    reason: str
    total: int
    """units of work, 0 where it has none that are counted"""
    plan: dict[str, Any]
    asked: dict[str, Any]
    """of a scan: paths, globs and modes"""


class Jobs:
    """Reads and writes jobs and the rows each has finished."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, kind: str, title: str, plan: dict[str, Any], total: int = 0) -> int:
        """Add a job of another kind than a scan, as running, and return its number."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO scans (created, profile, spec, spec_hash, state, asked, job_kind, "
                "title, plan, total) VALUES (?, ?, '{}', '', 'running', '{}', ?, ?, ?, ?)",
                (now(), str(plan.get("profile", "")), kind, _text(title), json.dumps(plan), total),
            )
            return int(row.lastrowid or 0)

    def set_state(self, job: int, state: str, reason: str = "") -> None:
        """Set the state of a job; an ended one gets its time."""
        finished = None if state in OPEN else now()
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE scans SET state = ?, finished = ?, job_reason = ? WHERE id = ?",
                (state, finished, _text(reason), job),
            )

    def set_total(self, job: int, total: int) -> None:
        """Say how many units of work a job has."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE scans SET total = ? WHERE id = ?", (total, job))

    def keep_row(self, job: int, number: int, body: dict[str, Any]) -> None:
        """Keep the result of a finished unit of work."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO job_rows VALUES (?, ?, ?)", (job, number, json.dumps(body))
            )

    def rows(self, job: int) -> dict[int, dict[str, Any]]:
        """Return the results of finished units of work by number."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT number, body FROM job_rows WHERE job = ? ORDER BY number", (job,)
            ).fetchall()
        return {int(number): _row(body) for number, body in rows}

    def count(self, job: int) -> int:
        """Return how many units of work are finished."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT count(*) FROM job_rows WHERE job = ?", (job,))
            return int(row.fetchone()[0])

    def get(self, job: int) -> JobRow:
        """Return a job. Raises UnknownName."""
        with self._database.reading() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM scans WHERE id = ?", (job,))
            found = row.fetchone()
        if found is None:
            raise UnknownName(
                f"no job {job} in this library; `sightline runs list --all` shows them"
            )
        return _job(found)

    def all(self, kind: str = "") -> list[JobRow]:
        """Return every job, or every one of a kind, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM scans WHERE ? IN ('', job_kind) ORDER BY id DESC", (kind,)
            ).fetchall()
        return [_job(row) for row in rows]

    def others(self) -> list[JobRow]:
        """Return every job of another kind than a scan, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM scans WHERE job_kind != ? ORDER BY id DESC", (SCAN,)
            ).fetchall()
        return [_job(row) for row in rows]

    def settle(self, kinds: Collection[str]) -> None:
        """Note that jobs of these kinds were cut short: at a start, none of them is running.

        For scans, `Runs.settle` does.
        """
        places = ",".join("?" * len(kinds))
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE scans SET state = 'interrupted' WHERE state = 'running' "
                f"AND job_kind != ? AND job_kind IN ({places})",
                (SCAN, *kinds),
            )

    def settle_earlier(self, job: JobRow) -> None:
        """End earlier jobs of the same kind and title that were cut short: this one did it all."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE scans SET state = 'done', job_reason = '' WHERE job_kind = ? AND title = ? "
                "AND id < ? AND state = 'interrupted'",
                (job.kind, job.title, job.number),
            )

    def remove(self, job: int) -> None:
        """Remove a job with its rows. Raises UnknownName."""
        self.get(job)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM scans WHERE id = ?", (job,))


def check_is_scan(connection: sqlite3.Connection, number: int) -> None:
    """Raise UsageError for a job of another kind, UnknownName for a number there is none of."""
    row = connection.execute("SELECT job_kind FROM scans WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise UnknownName(f"no scan {number} in this library; `sightline runs list` shows them")
    if row[0] != SCAN:
        raise UsageError(
            f"job {number} is {called(str(row[0]))}, not a scan; "
            "`sightline runs list` shows the scans"
        )


def called(kind: str) -> str:
    """Return a kind with its article, for messages: `a download`."""
    name = clean(kind, limit=40).replace("-", " ")
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def now() -> str:
    """Return the time in the form it is kept in."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(text: str) -> str:
    """Return text that SQLite takes: a path may hold bytes that are none."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _job(row: sqlite3.Row | tuple[Any, ...]) -> JobRow:
    number, kind, title, created, finished, profile, state, reason, total, plan, asked = row
    return JobRow(
        number, kind, title, created, finished, profile, state, reason, total, _object(plan),
        _object(asked),
    )  # fmt: skip


def _row(text: str) -> dict[str, Any]:
    """Return the result of a unit of work; what is no JSON object, of another version, as text."""
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    return body if isinstance(body, dict) else {"value": body}


def _object(text: str) -> dict[str, Any]:
    """Return a JSON object; a job of another version may have written what is none."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
