"""What a list of search hits says about their sources and frames, read for one page at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..records import content_of
from . import source_facts
from .database import Database
from .text_index import said_by

_BATCH = 400


@dataclass(slots=True)
class FoundSource:
    """A source by its content: every path it was ever found under, the newest last."""

    kind: str
    captured: str | None
    camera: str
    paths: list[str] = field(default_factory=list)


class FoundSources:
    """Reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, contents: Sequence[str]) -> dict[str, FoundSource]:
        """Return what is known of some contents, by content; nothing of one that is unknown."""
        found: dict[str, FoundSource] = {}
        for start in range(0, len(contents), _BATCH):
            found |= self._of_few(contents[start : start + _BATCH])
        return found

    def said(self, content: str, frame: int) -> dict[str, str]:
        """Return caption, tags and labels of a frame; what a person corrected goes before."""
        with self._database.reading() as connection:
            answers = connection.execute(
                "SELECT body FROM annotations WHERE content = ? AND frame = ? AND part = '' "
                "AND vector IS NULL ORDER BY id",
                (content, frame),
            ).fetchall()
            corrected = connection.execute(
                "SELECT what, body FROM corrections WHERE content = ? AND frame = ?",
                (content, frame),
            ).fetchall()
        said = {what: text for (body,) in answers for what, text in said_by("", json.loads(body))}
        return said | {str(what): str(text) for what, text in corrected}

    def is_unchanged(self, path: str, content: str) -> bool:
        """Return whether a file is as it was when it was found to have a content."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT size, mtime_ns FROM paths WHERE path = ? AND content = ?",
                (os.fsencode(path), content_of(content, None)),
            ).fetchone()
        try:
            status = os.stat(path)
        except OSError:
            return False
        return row is not None and tuple(row) == (status.st_size, status.st_mtime_ns)

    def frames_at(self, content: str, seconds: float, tolerance: float) -> list[int]:
        """Return the frames of a content with vectors whose time is this, the nearest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT frame, abs(seconds - ?2) AS away FROM annotations "
                "WHERE content = ?1 AND vector IS NOT NULL AND away <= ?3 ORDER BY away",
                (content, seconds, tolerance),
            ).fetchall()
        return [int(row[0]) for row in rows]

    def revision(self) -> int:
        """Return a number that is raised whenever lists of results may change."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT number FROM revision").fetchone()[0])

    def _of_few(self, contents: Sequence[str]) -> dict[str, FoundSource]:
        marks = ",".join("?" * len(contents))
        with self._database.reading() as connection:
            infos = connection.execute(
                f"SELECT content, kind, info FROM contents WHERE content IN ({marks})", contents
            ).fetchall()
            former = connection.execute(
                f"SELECT content, path FROM tasks WHERE content IN ({marks}) ORDER BY scan",
                contents,
            ).fetchall()
            files = [content_of(each, None) for each in contents]
            now = connection.execute(
                f"SELECT content, path, mtime_ns FROM paths WHERE content IN ({marks})", files
            ).fetchall()
        changed = _earliest((str(content), int(at)) for content, _, at in now)
        found = {
            str(content): FoundSource(
                str(kind),
                source_facts.captured(info, changed.get(content_of(str(content), None))),
                source_facts.camera(info),
            )
            for content, kind, info in infos
        }
        _add_paths(found, former, now)
        return found


def _earliest(times: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for content, at in times:
        found[content] = min(at, found.get(content, at))
    return found


def _add_paths(found: dict[str, FoundSource], former: Sequence[Any], now: Sequence[Any]) -> None:
    for content, path in former:
        if content in found:
            found[content].paths.append(os.fsdecode(path))
    for content, source in found.items():
        own = [os.fsdecode(path) for of, path, _ in now if of == content_of(content, None)]
        source.paths = list(dict.fromkeys([*(p for p in source.paths if p not in own), *own]))
