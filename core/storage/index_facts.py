"""What the library knows about contents that their vectors are found by: files, answers, events."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..config.stages import Slot, in_slot
from ..records import content_of
from . import source_facts
from .database import Database

_BATCH = 400


@dataclass
class ContentFacts:
    """What is known of one content, besides its vectors."""

    content: str
    kind: str
    info: str
    """JSON of its `SourceInfo`"""
    paths: list[tuple[str, int]] = field(default_factory=list)
    """all paths it was found under, with the time of the last change in nanoseconds"""
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """frame and body of answers of taggers and detectors, the oldest first"""
    tags: dict[int, str] = field(default_factory=dict)
    """by frame, the tags a person put in place of a model's, separated by commas"""
    events: list[tuple[float, float, float]] = field(default_factory=list)
    """start and end in seconds, and score"""
    digest: str = ""

    @property
    def captured(self) -> str | None:
        """Return when it was recorded, as an ISO date."""
        times = [mtime for _, mtime in self.paths]
        return source_facts.captured(self.info, min(times) if times else None)

    @property
    def camera(self) -> str:
        """Return make and model of the camera in lower case."""
        return source_facts.camera(self.info)

    @property
    def place(self) -> tuple[float, float] | None:
        """Return degrees north and east."""
        return source_facts.place(self.info)


class IndexFacts:
    """Reads what is known of contents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, contents: Sequence[str]) -> dict[str, ContentFacts]:
        """Return what is known of some contents, by content."""
        found: dict[str, ContentFacts] = {}
        for start in range(0, len(contents), _BATCH):
            with self._database.reading() as connection:
                found |= _read(connection, contents[start : start + _BATCH])
        digests = self.digests(list(found) if len(found) <= _BATCH else None)
        for content, facts in found.items():
            facts.digest = digests.get(content, "")
        return found

    def known_paths(self) -> set[str]:
        """Return all paths that lead to a content."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT path FROM paths WHERE content IS NOT NULL").fetchall()
        return {os.fsdecode(row[0]) for row in rows}

    def digests(self, contents: Sequence[str] | None = None) -> dict[str, str]:
        """Return by content what changes whenever the payload of its points may have to.

        That is its paths, and numbers of the answers, corrections and events.
        """
        with self._database.reading() as connection:
            paths = _paths(connection, None if contents is None else [*map(_file, contents)])
            counts = dict(_counts(connection, contents))
            names = contents if contents is not None else _indexed(connection)
        return {
            each: json.dumps([sorted(path for path, _ in paths.get(_file(each), [])),
                              counts.get(each, [])])
            for each in names
        }  # fmt: skip


def _stages(*slots: Slot) -> str:
    """Return the stages whose answers are of some kinds, as a list in SQL."""
    names = [name for slot in slots for name in in_slot(slot)]
    return "(" + ",".join("'" + name.replace("'", "''") + "'" for name in names) + ")"


def _file(content: str) -> str:
    return content_of(content, None)


def _indexed(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT DISTINCT content FROM indexed").fetchall()
    return [str(row[0]) for row in rows]


def _some(contents: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    if contents is None:
        return "1", ()
    return f"content IN ({','.join('?' * len(contents))})", tuple(contents)


def _paths(
    connection: sqlite3.Connection, files: Sequence[str] | None
) -> dict[str, list[tuple[str, int]]]:
    condition, values = _some(files)
    rows = connection.execute(
        f"SELECT content, path, mtime_ns FROM paths WHERE content IS NOT NULL AND {condition}",
        values,
    )
    found: dict[str, list[tuple[str, int]]] = {}
    for content, path, mtime in rows:
        found.setdefault(str(content), []).append((os.fsdecode(path), int(mtime)))
    return found


def _counts(
    connection: sqlite3.Connection, contents: Sequence[str] | None
) -> Iterator[tuple[str, list[Any]]]:
    """Yield (content, numbers that change with its answers, corrections and events)."""
    condition, values = _some(contents)
    found: dict[str, list[Any]] = {}
    for statement in (
        "SELECT content, count(*), max(id) FROM annotations WHERE asked NOT IN "
        f"(SELECT id FROM asked WHERE stage IN {_stages('vector')}) AND {condition} "
        "GROUP BY content",
        f"SELECT content, count(*), max(made) FROM corrections WHERE {condition} GROUP BY content",
        f"SELECT content, count(*), total(score) FROM moments WHERE {condition} GROUP BY content",
    ):
        for content, *numbers in connection.execute(statement, values):
            found.setdefault(str(content), []).append(numbers)
    yield from found.items()


def _read(connection: sqlite3.Connection, contents: Sequence[str]) -> dict[str, ContentFacts]:
    condition, values = _some(contents)
    rows = connection.execute(f"SELECT content, kind, info FROM contents WHERE {condition}", values)
    found = {str(content): ContentFacts(content, kind, info) for content, kind, info in rows}
    paths = _paths(connection, [*map(_file, found)])
    for content, facts in found.items():
        facts.paths = paths.get(_file(content), [])
    for content, frame, body in connection.execute(
        "SELECT content, frame, annotations.body FROM annotations JOIN asked ON asked.id = asked "
        f"WHERE stage IN {_stages('tags', 'objects')} AND {condition} "
        "ORDER BY annotations.id",
        values,
    ):
        if content in found:
            found[content].answers.append((int(frame), json.loads(body)))
    _add_events_and_tags(connection, found, condition, values)
    return found


def _add_events_and_tags(
    connection: sqlite3.Connection, found: dict[str, ContentFacts], condition: str,
    values: tuple[str, ...],
) -> None:  # fmt: skip
    for content, frame, body in connection.execute(
        f"SELECT content, frame, body FROM corrections WHERE what = 'tags' AND {condition}", values
    ):
        if content in found:
            found[content].tags[int(frame)] = body
    for content, body, score in connection.execute(
        f"SELECT content, body, score FROM moments WHERE {condition}", values
    ):
        event = json.loads(body)
        if content in found:
            span = (float(event["start_seconds"]), float(event["end_seconds"]), float(score))
            found[content].events.append(span)
