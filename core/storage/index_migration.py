"""The layout of the index of vectors: which vectors of `annotations` lie in which collection.

The vectors themselves stay in `annotations`. Triggers list those that an index lacks, so no change
is missed, whoever makes it, and a kill at any moment leaves the list as it has to be.
"""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    """
    CREATE TABLE spaces (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL,
        state TEXT NOT NULL, generation INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL,
        background TEXT NOT NULL DEFAULT '', background_vectors BLOB
    )
    """,
    """
    CREATE TABLE indexed (
        space INTEGER NOT NULL REFERENCES spaces(id) ON DELETE CASCADE, point BLOB NOT NULL,
        annotation INTEGER, content TEXT NOT NULL, mean REAL NOT NULL, spread REAL NOT NULL,
        PRIMARY KEY (space, point)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX indexed_by_annotation ON indexed (annotation)",
    "CREATE INDEX indexed_by_content ON indexed (content, space)",
    """
    CREATE TABLE indexed_contents (
        content TEXT PRIMARY KEY, digest TEXT NOT NULL, gone INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE index_pending (
        annotation INTEGER PRIMARY KEY, version INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE TABLE index_owner (id TEXT NOT NULL)",
    "INSERT INTO index_owner VALUES (lower(hex(randomblob(6))))",
    "INSERT INTO index_pending (annotation) SELECT id FROM annotations WHERE vector IS NOT NULL",
    """
    CREATE TRIGGER vector_added AFTER INSERT ON annotations WHEN NEW.vector IS NOT NULL
    BEGIN
        INSERT INTO index_pending (annotation) VALUES (NEW.id)
        ON CONFLICT (annotation) DO UPDATE SET version = version + 1;
    END
    """,
    """
    CREATE TRIGGER vector_changed AFTER UPDATE OF vector ON annotations
    WHEN NEW.vector IS NOT NULL AND NEW.vector IS NOT OLD.vector
    BEGIN
        INSERT INTO index_pending (annotation) VALUES (NEW.id)
        ON CONFLICT (annotation) DO UPDATE SET version = version + 1;
    END
    """,
    """
    CREATE TRIGGER vector_removed AFTER DELETE ON annotations WHEN OLD.vector IS NOT NULL
    BEGIN
        UPDATE indexed SET annotation = NULL WHERE annotation = OLD.id;
        DELETE FROM index_pending WHERE annotation = OLD.id;
    END
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Add the tables; every vector that is there is yet to be indexed."""
    for statement in _STATEMENTS:
        connection.execute(statement)
