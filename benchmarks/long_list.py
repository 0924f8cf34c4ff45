"""A library whose newest scan found a million events: one real scan, multiplied."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from core.storage import event_scores

SOURCES = 1000
EACH = 1000
ROWS = SOURCES * EACH

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"


def make_long_list(library: Path, sources: int = SOURCES, each: int = EACH) -> None:
    """Multiply what scan 1 found until `sources` videos hold `each` events."""
    with sqlite3.connect(library / "library.db") as connection:
        for statement in _multiplied(sources, each):
            connection.execute(statement)
        event_scores.keep(
            connection,
            connection.execute(
                "SELECT content, spec_hash, kind, score FROM moments "
                "WHERE content LIKE 'b2:bench-%' ORDER BY content, spec_hash, number"
            ),
        )
    connection.close()


def _multiplied(sources: int, each: int) -> tuple[str, ...]:
    return (
        f"""INSERT INTO contents (content, kind, info) {_NUMBERS.format(sources)}
        SELECT 'b2:bench-' || i, kind, info FROM n, (SELECT * FROM contents LIMIT 1)""",
        """INSERT INTO result_rows
        (content, spec, frames, failure, warnings, provenance, tracks)
        SELECT contents.id, spec, frames, failure, warnings, provenance, tracks
        FROM contents, (SELECT * FROM result_rows LIMIT 1)
        WHERE contents.content LIKE 'b2:bench-%'""",
        f"""INSERT INTO moments (content, spec_hash, number, kind, peak_seconds, score, body)
        {_NUMBERS.format(each)}
        SELECT results.content, m.spec_hash, i, m.kind, i * 2.0, (i * 7919 % 1000) / 1000.0,
        json_set(m.body, '$.number', i, '$.start_frame', i * 50, '$.peak_frame', i * 50,
        '$.end_frame', i * 50, '$.start_seconds', i * 2.0, '$.peak_seconds', i * 2.0,
        '$.end_seconds', i * 2.0, '$.score', (i * 7919 % 1000) / 1000.0)
        FROM results, n, (SELECT * FROM moments LIMIT 1) AS m
        WHERE results.content LIKE 'b2:bench-%'""",
        "DELETE FROM tasks",
        f"""INSERT INTO tasks
        (scan, number, path, kind, content, state, reason, frames, moments, seconds)
        {_NUMBERS.format(sources)}
        SELECT 1, i, '/footage/' || i || '.mp4', 'video', 'b2:bench-' || i, 'done', '', 1800,
        {each}, 1 FROM n""",
    )
