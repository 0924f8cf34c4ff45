"""Layout 7: the table of scans holds jobs of every kind, in one sequence of numbers.

A watched folder becomes a job; it stays open, so the next engine continues it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime

# Column names are unlike those of `tasks`, with which the table is joined.
_STATEMENTS = (
    "ALTER TABLE scans ADD COLUMN job_kind TEXT NOT NULL DEFAULT 'scan'",
    "ALTER TABLE scans ADD COLUMN title TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE scans ADD COLUMN plan TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE scans ADD COLUMN total INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE scans ADD COLUMN job_reason TEXT NOT NULL DEFAULT ''",
    """
    CREATE TABLE job_rows (
        job INTEGER NOT NULL REFERENCES scans(id) ON DELETE CASCADE, number INTEGER NOT NULL,
        body TEXT NOT NULL, PRIMARY KEY (job, number)
    ) WITHOUT ROWID
    """,
)
WATCH = "watch"


def migrate(connection: sqlite3.Connection) -> None:
    """Change a library of layout 6 into one of layout 7, inside the caller's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    watched = connection.execute("SELECT folder, body FROM watched ORDER BY folder").fetchall()
    connection.executemany(
        "INSERT INTO scans (created, profile, spec, spec_hash, state, asked, job_kind, title, "
        "plan) VALUES (?, ?, '{}', '', 'interrupted', '{}', ?, ?, ?)",
        [(now, *_watch(os.fsdecode(folder), body)) for folder, body in watched],
    )
    connection.execute("DROP TABLE watched")


def _watch(folder: str, body: str) -> tuple[str, str, str, str]:
    """Return profile, kind, title and plan of a folder that was watched."""
    plan = json.loads(body)
    plan["folder"] = folder
    profile = str(plan.get("profile", ""))
    # A path that is no valid text cannot be stored as text; as JSON it is escaped.
    title = folder.encode(errors="surrogateescape").decode(errors="replace")
    return profile, WATCH, title, json.dumps(plan)
