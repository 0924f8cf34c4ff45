"""Series of pictures in the library: one row of values each, beside what they were measured by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from sqlite3 import Connection
from typing import Any

import numpy as np

from ..stores.series import SeriesHeader, SeriesPart, content_and_key, picture_key, series_key

_Measuring = tuple[str, int, str]
"""stage, its version, and its settings as JSON"""


def keep(connection: Connection, series: Iterable[tuple[SeriesHeader, SeriesPart]]) -> None:
    """Keep the series of pictures whose contents are known, inside the caller's transaction."""
    numbers: dict[_Measuring, int] = {}
    rows: list[tuple[int, bytes, str]] = []
    for header, part in series:
        kind = header.stage, header.version, _json(header.settings)
        if kind not in numbers:
            numbers[kind] = _number_of(connection, kind)
        values = np.ascontiguousarray(part.values, "<f4").tobytes()
        rows.append((numbers[kind], values, header.content))
    connection.executemany(
        "INSERT OR REPLACE INTO picture_series (content, measuring, data) "
        "SELECT id, ?, ? FROM contents WHERE content = ?",
        rows,
    )


def find(connection: Connection, content: str, key: str) -> SeriesPart | None:
    """Return the series of a picture with a key, if it is kept."""
    rows = connection.execute(
        "SELECT stage, version, settings, data FROM picture_series "
        "JOIN measurings ON measurings.id = measuring "
        "WHERE picture_series.content = (SELECT id FROM contents WHERE content = ?)",
        (content,),
    )
    for stage, version, settings, data in rows:
        if series_key(content, stage, version, _settings(settings)) == key:
            values = np.frombuffer(data, "<f4").reshape(1, -1)
            return SeriesPart(0, np.zeros(1, np.int64), np.zeros(1), values)
    return None


class Measurings:
    """What pictures were measured by, read once for many results."""

    def __init__(self, connection: Connection) -> None:
        self._kinds: dict[int, _Measuring] = {
            number: (stage, version, settings)
            for number, stage, version, settings in connection.execute(
                "SELECT id, stage, version, settings FROM measurings"
            )
        }

    def referred(self, tracks: Mapping[str, str]) -> str:
        """Return the series of a result as they are kept: a list of numbers where all have one."""
        numbers = [self._number(stage, key) for stage, key in tracks.items()]
        return json.dumps(dict(tracks) if None in numbers or not numbers else numbers)

    def spelled_out(self, content: str, kept: str) -> dict[str, str]:
        """Return the keys of the series of a result, by stage."""
        tracks: dict[str, str] | list[int] = json.loads(kept)
        if isinstance(tracks, dict):
            return tracks
        kinds = [self._kinds[number] for number in tracks]
        return {
            stage: picture_key(content, series_key(content, stage, version, _settings(settings)))
            for stage, version, settings in kinds
        }

    def _number(self, stage: str, identity: str) -> int | None:
        content, key = content_and_key(identity)
        return next(
            (
                number
                for number, (name, version, settings) in self._kinds.items()
                if name == stage
                and content
                and series_key(content, stage, version, _settings(settings)) == key
            ),
            None,
        )


def _number_of(connection: Connection, kind: _Measuring) -> int:
    connection.execute(
        "INSERT OR IGNORE INTO measurings (stage, version, settings) VALUES (?, ?, ?)", kind
    )
    found = connection.execute(
        "SELECT id FROM measurings WHERE stage = ? AND version = ? AND settings = ?", kind
    )
    return int(found.fetchone()[0])


def _json(settings: dict[str, Any]) -> str:
    return json.dumps(settings)


@lru_cache(256)
def _settings(text: str) -> dict[str, Any]:
    """Return settings from their JSON; nobody changes them."""
    settings: dict[str, Any] = json.loads(text)
    return settings
