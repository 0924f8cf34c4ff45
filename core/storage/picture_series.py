"""Series of pictures in the library: one row of values each, beside what they were measured by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from sqlite3 import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..stores.series import SeriesHeader, SeriesKeys, SeriesPart, content_and_key, picture_key


def keep(connection: Connection, series: Iterable[tuple[SeriesHeader, SeriesPart]]) -> None:
    """Keep the series of pictures whose contents are known, inside the caller's transaction."""
    numbers: dict[tuple[str, int], tuple[dict[str, Any], int]] = {}
    rows: list[tuple[int, bytes, str]] = []
    for header, part in series:
        # One object of settings is that of many pictures; it is held, so its `id` stays its own.
        kind = header.stage, id(header.settings)
        if kind not in numbers:
            numbers[kind] = header.settings, _number_of(connection, header)
        values = np.ascontiguousarray(part.values, "<f4").tobytes()
        rows.append((numbers[kind][1], values, header.content))
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
        if _keys(stage, version, settings).of(content) == key:
            values = np.frombuffer(data, "<f4").reshape(1, -1)
            return SeriesPart(0, np.zeros(1, np.int64), np.zeros(1), values)
    return None


def first_rows(
    connection: Connection, identities: Iterable[str], stage: str
) -> dict[str, NDArray[np.float32]]:
    """Return the values of a stage, float32 (columns,), of the pictures' series that are kept."""
    wanted = {content: key for content, key in map(content_and_key, identities) if content}
    rows = connection.execute(
        "SELECT contents.content, version, settings, data FROM contents JOIN picture_series "
        "ON picture_series.content = contents.id JOIN measurings ON measurings.id = measuring "
        f"WHERE stage = ? AND contents.content IN ({','.join('?' * len(wanted))})",
        (stage, *wanted),
    )
    return {
        picture_key(content, wanted[content]): np.frombuffer(data, "<f4")
        for content, version, settings, data in rows
        if _keys(stage, version, settings).of(content) == wanted[content]
    }


class Measurings:
    """What pictures were measured by, read once for many results."""

    def __init__(self, connection: Connection) -> None:
        self._kinds: dict[int, tuple[str, SeriesKeys]] = {
            number: (stage, _keys(stage, version, settings))
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
        return {stage: picture_key(content, keys.of(content)) for stage, keys in kinds}

    def key_of(self, content: str, kept: str, stage: str) -> str:
        """Return the key of one stage's series of a result, empty where it has none."""
        tracks: dict[str, str] | list[int] = json.loads(kept)
        if isinstance(tracks, dict):
            return tracks.get(stage, "")
        kinds = [self._kinds[number] for number in tracks]
        found = (keys for name, keys in kinds if name == stage)
        keys = next(found, None)
        return "" if keys is None else picture_key(content, keys.of(content))

    def _number(self, stage: str, identity: str) -> int | None:
        content, key = content_and_key(identity)
        if not content:
            return None
        of_stage = ((n, keys) for n, (name, keys) in self._kinds.items() if name == stage)
        return next((number for number, keys in of_stage if keys.of(content) == key), None)


def _number_of(connection: Connection, header: SeriesHeader) -> int:
    kind = header.stage, header.version, json.dumps(header.settings)
    connection.execute(
        "INSERT OR IGNORE INTO measurings (stage, version, settings) VALUES (?, ?, ?)", kind
    )
    found = connection.execute(
        "SELECT id FROM measurings WHERE stage = ? AND version = ? AND settings = ?", kind
    )
    return int(found.fetchone()[0])


@lru_cache(256)
def _keys(stage: str, version: int, settings: str) -> SeriesKeys:
    return SeriesKeys(stage, version, json.loads(settings))
