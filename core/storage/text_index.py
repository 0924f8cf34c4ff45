"""Words of captions, descriptions, tags, labels and corrections, in SQLite's full-text index.

`texts` says what each row of the FTS5 table `words` is about: an answer of a model, or (without an
annotation) a correction. A frame's corrected caption or tags take the place of those of models.
Every text is written by the transaction that keeps the answer or the correction it is of.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .indexed_words import index_text, match_text

if TYPE_CHECKING:
    from .database import Database

What = Literal["caption", "description", "tags", "labels"]
CORRECTABLE = ("caption", "tags")
_STATEMENTS = (
    """
    CREATE TABLE texts (
        id INTEGER PRIMARY KEY, content TEXT NOT NULL, frame INTEGER NOT NULL,
        part TEXT NOT NULL, what TEXT NOT NULL,
        annotation INTEGER REFERENCES annotations(id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX texts_by_annotation ON texts (annotation)",
    "CREATE INDEX texts_by_frame ON texts (content, frame)",
    "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = "
    "\"porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'\")",
    """
    CREATE TRIGGER texts_deleted AFTER DELETE ON texts BEGIN
        DELETE FROM words WHERE rowid = old.id;
    END
    """,
)


_PEAK = (
    "(SELECT json_extract(body, '$.peak_seconds') FROM {table} AS r "
    "WHERE r.content = texts.content AND json_extract(body, '$.peak_frame') = texts.frame LIMIT 1)"
)
_SECONDS = (
    "coalesce((SELECT seconds FROM annotations AS a WHERE a.content = texts.content "
    f"AND a.frame = texts.frame LIMIT 1), {_PEAK.format(table='moments')}, "
    f"{_PEAK.format(table='candidates')}, (SELECT texts.frame / "
    "nullif(json_extract(info, '$.frame_rate'), 0) FROM contents AS c "
    "WHERE c.content = texts.content), 0)"
)
"""the time of a text's frame"""


@dataclass(frozen=True, slots=True)
class WordMatch:
    """A text in which all words of a query are; `weight` is bm25, larger for a better match.

    `seconds` is the time of the frame where a model answered about it or an event peaks there, else
    what the frame rate makes of its number: a person corrected it alone.
    """

    content: str
    frame: int
    part: str
    what: What
    weight: float
    corrected: bool
    seconds: float = 0.0


def migrate(connection: sqlite3.Connection) -> None:
    """Create the index and fill it from the answers and corrections that are there."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    corrected = connection.execute("SELECT content, frame, what, body FROM corrections").fetchall()
    answers = connection.execute("SELECT id, content, frame, part, body FROM annotations")
    for annotation, content, frame, part, body in answers:
        put_answer(connection, annotation, content, frame, part, json.loads(body))
    for content, frame, what, body in corrected:
        put_correction(connection, content, frame, what, body)


def put_answer(
    connection: sqlite3.Connection, annotation: int, content: str, frame: int, part: str,
    body: Mapping[str, Any],
) -> None:  # fmt: skip
    """Index what an answer says, in place of what the same annotation said before."""
    said = list(said_by(part, body))
    if not said:
        return
    connection.execute("DELETE FROM texts WHERE annotation = ?", (annotation,))
    for what, text in said:
        if not _is_corrected(connection, content, frame, what):
            _put(connection, content, frame, part, what, text, annotation)


def put_correction(
    connection: sqlite3.Connection, content: str, frame: int, what: str, text: str
) -> None:
    """Index a correction instead of what models said; an empty one takes it back."""
    if what not in CORRECTABLE:
        return
    connection.execute(
        "DELETE FROM texts WHERE content = ? AND frame = ? AND what = ?", (content, frame, what)
    )
    if text.strip():
        _put(connection, content, frame, "", what, text, None)
        return
    rows = connection.execute(
        "SELECT id, part, body FROM annotations WHERE content = ? AND frame = ?", (content, frame)
    ).fetchall()
    for annotation, part, body in rows:
        put_answer(connection, annotation, content, frame, part, json.loads(body))


def put_corrections_of(connection: sqlite3.Connection, content: str) -> None:
    """Index every correction of a content."""
    rows = connection.execute(
        "SELECT frame, what, body FROM corrections WHERE content = ?", (content,)
    ).fetchall()
    for frame, what, body in rows:
        put_correction(connection, content, frame, what, body)


def said_by(part: str, body: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
    """Yield the texts of an answer that are searched; verdicts, refusals and failures have none."""
    if "error" in body or "gated" in body or "state" in body:
        return
    if isinstance(body.get("text"), str) and "tags" not in body:
        yield ("description" if part else "caption"), body["text"]
    if tags := _names(body.get("tags"), "tag"):
        yield "tags", ", ".join(tags)
    if labels := _names(body.get("objects"), "label"):
        yield "labels", ", ".join(dict.fromkeys(labels))


class TextIndex:
    """Finds texts by words."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, text: str, what: Sequence[What], most: int) -> list[WordMatch]:
        """Return texts that hold every word of `text`, the best first; at most `most`.

        Words of one kind of text are matched together: `rain` in a caption and `car` in a tag of
        the same frame are no match for both. A text without any word matches nothing.
        """
        query = match_text(text)
        if not query or not what:
            return []
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT content, frame, part, what, -bm25(words), annotation IS NULL, "
                f"{_SECONDS} FROM words "
                "JOIN texts ON texts.id = words.rowid WHERE words MATCH ? "
                f"AND what IN ({','.join('?' * len(what))}) "
                "ORDER BY bm25(words), texts.id LIMIT ?",
                (query, *what, most),
            ).fetchall()
        return [WordMatch(c, f, p, w, rank, bool(own), at) for c, f, p, w, rank, own, at in rows]

    def count(self) -> int:
        """Return how many texts there are to search."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM texts").fetchone()[0])


def _put(
    connection: sqlite3.Connection, content: str, frame: int, part: str, what: str, text: str,
    annotation: int | None,
) -> None:  # fmt: skip
    row = connection.execute(
        "INSERT INTO texts (content, frame, part, what, annotation) VALUES (?, ?, ?, ?, ?) "
        "RETURNING id",
        (content, frame, part, what, annotation),
    ).fetchone()
    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row[0], index_text(text)))


def _is_corrected(connection: sqlite3.Connection, content: str, frame: int, what: str) -> bool:
    if what not in CORRECTABLE:
        return False
    found = connection.execute(
        "SELECT 1 FROM corrections WHERE content = ? AND frame = ? AND what = ?",
        (content, frame, what),
    ).fetchone()
    return found is not None


def _names(listed: Any, key: str) -> list[str]:
    entries: Iterable[Any] = listed if isinstance(listed, list) else ()
    found = (each.get(key) for each in entries if isinstance(each, dict))
    return [name for name in found if isinstance(name, str) and name]
