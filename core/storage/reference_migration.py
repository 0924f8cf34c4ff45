"""Layout 8: what is the same for many pictures is kept once and referred to.

Up to layout 7 each result held its provenance in full, and every table of results was keyed by
hashes in random order: 6 KB a picture, of which each was written many times over. Contents have a
number now, in the order in which they were first read; results, candidates and the series of
pictures are keyed by it, so that new rows go to the end of their tables. The views `results` and
`candidates` show what those tables showed before.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator

from ..stores.series import series_key

_RENAMED = ("results", "candidates", "moments", "shown", "contents")
_TABLES = (
    """
    CREATE TABLE contents (
        content TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, info TEXT NOT NULL,
        id INTEGER PRIMARY KEY
    )
    """,
    "CREATE TABLE specs (id INTEGER PRIMARY KEY, spec_hash TEXT NOT NULL UNIQUE)",
    "CREATE TABLE provenances (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE)",
    # What was measured of a picture: a stage, its version, and the settings it was measured with.
    """
    CREATE TABLE measurings (
        id INTEGER PRIMARY KEY, stage TEXT NOT NULL, version INTEGER NOT NULL,
        settings TEXT NOT NULL, UNIQUE (stage, version, settings)
    )
    """,
    # `data` is float32, little-endian, one number for each of the stage's columns.
    """
    CREATE TABLE picture_series (
        content INTEGER NOT NULL REFERENCES contents(id) ON DELETE CASCADE,
        measuring INTEGER NOT NULL REFERENCES measurings(id), data BLOB NOT NULL,
        PRIMARY KEY (content, measuring)
    ) WITHOUT ROWID
    """,
    # `tracks` is an object of series keys by stage, or for pictures a list of measurings.
    """
    CREATE TABLE result_rows (
        content INTEGER NOT NULL REFERENCES contents(id),
        spec INTEGER NOT NULL REFERENCES specs(id),
        frames INTEGER NOT NULL, failure TEXT NOT NULL DEFAULT '', warnings TEXT NOT NULL,
        provenance INTEGER NOT NULL REFERENCES provenances(id), tracks TEXT NOT NULL,
        PRIMARY KEY (content, spec)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE candidate_rows (
        content INTEGER NOT NULL, spec INTEGER NOT NULL, number INTEGER NOT NULL,
        body TEXT NOT NULL, PRIMARY KEY (content, spec, number),
        FOREIGN KEY (content, spec) REFERENCES result_rows ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE moments (
        content TEXT NOT NULL, spec_hash TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL,
        peak_seconds REAL NOT NULL, score REAL NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (content, spec_hash, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE shown (
        content TEXT NOT NULL, spec_hash TEXT NOT NULL, annotation INTEGER NOT NULL
        REFERENCES annotations(id) ON DELETE CASCADE, PRIMARY KEY (content, spec_hash, annotation)
    ) WITHOUT ROWID
    """,
)
_COPIES = (
    "INSERT INTO contents (content, kind, info) SELECT content, kind, info FROM former_contents",
    # A result is never without its content; should one be, it is not lost either.
    "INSERT OR IGNORE INTO contents (content, kind, info) "
    "SELECT content, 'video', '{}' FROM former_results",
    "INSERT OR IGNORE INTO specs (spec_hash) SELECT spec_hash FROM former_results",
    "INSERT OR IGNORE INTO provenances (body) SELECT provenance FROM former_results",
    """
    INSERT INTO result_rows SELECT contents.id, specs.id, frames, failure, warnings,
        provenances.id, tracks
    FROM former_results JOIN contents USING (content) JOIN specs USING (spec_hash)
        JOIN provenances ON provenances.body = former_results.provenance
    """,
    """
    INSERT INTO candidate_rows SELECT contents.id, specs.id, number, body
    FROM former_candidates JOIN contents USING (content) JOIN specs USING (spec_hash)
    """,
    "INSERT INTO moments SELECT * FROM former_moments",
    "INSERT INTO shown SELECT * FROM former_shown",
)
_VIEWS = (
    """
    CREATE VIEW results AS SELECT contents.content AS content, specs.spec_hash AS spec_hash, frames,
        failure, warnings, provenances.body AS provenance, tracks
    FROM result_rows JOIN contents ON contents.id = result_rows.content
        JOIN specs ON specs.id = result_rows.spec
        JOIN provenances ON provenances.id = result_rows.provenance
    """,
    """
    CREATE VIEW candidates AS SELECT contents.content AS content, specs.spec_hash AS spec_hash,
        number, body
    FROM candidate_rows JOIN contents ON contents.id = candidate_rows.content
        JOIN specs ON specs.id = candidate_rows.spec
    """,
    """
    CREATE TRIGGER result_deleted AFTER DELETE ON result_rows BEGIN
        DELETE FROM moments WHERE content = (SELECT content FROM contents WHERE id = old.content)
            AND spec_hash = (SELECT spec_hash FROM specs WHERE id = old.spec);
        DELETE FROM shown WHERE content = (SELECT content FROM contents WHERE id = old.content)
            AND spec_hash = (SELECT spec_hash FROM specs WHERE id = old.spec);
    END
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Change a library of layout 7 into one of layout 8, inside the caller's transaction."""
    for table in _RENAMED:
        connection.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
    for statement in (*_TABLES, *_COPIES):
        connection.execute(statement)
    _refer_to_series(connection, _move_series(connection))
    # Those that refer to others first, whose rows would be deleted one by one.
    for table in ("shown", "moments", "candidates", "results", "contents"):
        connection.execute(f"DROP TABLE former_{table}")
    connection.execute("DROP INDEX tracks_by_content")
    for statement in _VIEWS:
        connection.execute(statement)


def _move_series(connection: sqlite3.Connection) -> dict[str, int]:
    """Move the series of pictures into their table; return their measurings by their keys."""
    moved: dict[str, int] = {}
    measurings: dict[tuple[str, int, str], int] = {}
    for key, number, kind, data in list(_series_of_pictures(connection)):
        if kind not in measurings:
            row = connection.execute(
                "INSERT INTO measurings (stage, version, settings) VALUES (?, ?, ?)", kind
            )
            measurings[kind] = int(row.lastrowid or 0)
        moved[key] = measurings[kind]
        connection.execute(
            "INSERT INTO picture_series VALUES (?, ?, ?)", (number, measurings[kind], data)
        )
        connection.execute("DELETE FROM tracks WHERE key = ?", (key,))
    return moved


def _series_of_pictures(
    connection: sqlite3.Connection,
) -> Iterator[tuple[str, int, tuple[str, int, str], bytes]]:
    """Yield key, number of the content, (stage, version, settings) and values of each."""
    rows = connection.execute(
        "SELECT key, contents.id, contents.content, stage, version, settings, data FROM tracks "
        "JOIN contents USING (content) JOIN chunks ON track = key "
        "WHERE kind = 'picture' AND complete = 1 AND frames = 1 AND first = 0 AND count = 1 "
        "ORDER BY contents.id"
    )
    for key, number, content, stage, version, settings, data in rows:
        # The number of the frame, its time and the checksum are those of every picture: 0.
        body = zlib.decompress(data)
        plain = not any(body[:16]) and not any(body[-4:])
        if plain and key == series_key(content, stage, version, json.loads(settings)):
            yield str(key), int(number), (stage, version, settings), body[16:-4]


def _refer_to_series(connection: sqlite3.Connection, moved: dict[str, int]) -> None:
    rows = connection.execute(
        "SELECT result_rows.content, spec, tracks FROM result_rows "
        "JOIN contents ON contents.id = result_rows.content WHERE kind = 'picture'"
    ).fetchall()
    for content, spec, tracks in rows:
        keys = list(json.loads(tracks).values())
        if all(key in moved for key in keys):
            connection.execute(
                "UPDATE result_rows SET tracks = ? WHERE content = ? AND spec = ?",
                (json.dumps([moved[key] for key in keys]), content, spec),
            )
