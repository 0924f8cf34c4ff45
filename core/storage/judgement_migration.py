"""Layout 9: judgements of people, scores of events alone, and a revision number.

`judgements` is what a person said of an event, by content, kind and peak. `judged` is derived from
it: which events and candidates of which results each judgement is about (see `judged_rows.py`).
`event_scores` repeats the scores of events (see `event_scores.py`). `revision` counts the
transactions that may change a list of results; those that only judge leave it alone, so lists of a
million rows are not read again after each judgement.
"""

from __future__ import annotations

import sqlite3

from . import event_scores

_STATEMENTS = (
    """
    CREATE TABLE judgements (
        content TEXT NOT NULL, kind TEXT NOT NULL, frame INTEGER NOT NULL, seconds REAL NOT NULL,
        judgement TEXT NOT NULL, made TEXT NOT NULL, PRIMARY KEY (content, kind, frame)
    ) WITHOUT ROWID
    """,
    # `list` is moments or candidates, `number` a row's there, `frame` that of its judgement.
    """
    CREATE TABLE judged (
        content TEXT NOT NULL, spec_hash TEXT NOT NULL, list TEXT NOT NULL, number INTEGER NOT NULL,
        kind TEXT NOT NULL, frame INTEGER NOT NULL, score REAL, judgement TEXT NOT NULL,
        PRIMARY KEY (content, spec_hash, list, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TRIGGER judged_deleted AFTER DELETE ON result_rows BEGIN
        DELETE FROM judged WHERE content = (SELECT content FROM contents WHERE id = old.content)
            AND spec_hash = (SELECT spec_hash FROM specs WHERE id = old.spec);
        DELETE FROM event_scores
            WHERE content = (SELECT content FROM contents WHERE id = old.content)
            AND spec_hash = (SELECT spec_hash FROM specs WHERE id = old.spec);
    END
    """,
    """
    CREATE TABLE event_scores (
        content TEXT NOT NULL, spec_hash TEXT NOT NULL, kind TEXT NOT NULL, scores BLOB NOT NULL,
        PRIMARY KEY (content, spec_hash, kind)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE revision (number INTEGER NOT NULL)",
    "INSERT INTO revision VALUES (0)",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Change a library of layout 8 into one of layout 9, inside the caller's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    events = connection.execute(
        "SELECT content, spec_hash, kind, score FROM moments ORDER BY content, spec_hash, number"
    )
    event_scores.keep(connection, events)
