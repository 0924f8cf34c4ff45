"""Series of measurements in the library.

Of a video one row a series and one compressed row a microbatch; of a picture the values alone,
found by content (see `picture_series.py`).
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..stores.series import SeriesHeader, SeriesPart, SeriesState, content_and_key
from . import picture_series
from .database import Database
from .picture_series import PictureKeys

_BATCH = 500


class SeriesTable:
    """Reads and writes series: `stores.series.SeriesStore` in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, key: str) -> SeriesState:
        """Return how far a series is; one never begun is at frame 0."""
        if self._of_picture(key) is not None:
            return SeriesState(key, 1, True, {})
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT frames, complete, ended FROM tracks WHERE key = ?",
                (content_and_key(key)[1],),
            ).fetchone()
        if row is None:
            return SeriesState(key, 0, False, {})
        return SeriesState(key, int(row[0]), bool(row[1]), json.loads(row[2] or "{}"))

    def begin(self, headers: Iterable[SeriesHeader]) -> None:
        """Add empty series; one that is there stays as it is."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO tracks (key, content, stage, version, settings) "
                "VALUES (?, ?, ?, ?, ?)",
                [_fields(header) for header in headers],
            )

    def append(self, parts: Mapping[str, SeriesPart]) -> None:
        """Keep one microbatch of several series in one transaction."""
        with self._database.transaction() as connection:
            for key, part in parts.items():
                end = part.first + len(part.indices)
                _keep_part(connection, key, part)
                connection.execute(
                    "UPDATE tracks SET frames = max(frames, ?) WHERE key = ?", (end, key)
                )

    def complete(self, keys: Sequence[str], ended: dict[str, Any]) -> None:
        """Mark series as covering the whole source."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE tracks SET complete = 1, ended = ? WHERE key = ?",
                [(json.dumps(ended), key) for key in keys],
            )

    def keep_whole(self, series: Iterable[tuple[SeriesHeader, SeriesPart]]) -> None:
        """Keep whole series of images, replacing earlier ones."""
        with self._database.transaction() as connection:
            picture_series.keep(connection, series)

    def part_holding(self, key: str, ordinal: int) -> SeriesPart | None:
        """Return the microbatch that holds the frame of an ordinal."""
        picture = self._of_picture(key)
        if picture is not None:
            return picture
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT first, count, data FROM chunks WHERE track = ? AND first <= ? "
                "ORDER BY first DESC LIMIT 1",
                (content_and_key(key)[1], ordinal),
            ).fetchone()
        return None if row is None else unpacked(*row)

    def whole(self, key: str, columns: int) -> SeriesPart:
        """Return all of a series in one piece; `columns` is the width of one without frames."""
        picture = self._of_picture(key)
        if picture is not None:
            return picture
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT first, count, data FROM chunks WHERE track = ? ORDER BY first",
                (content_and_key(key)[1],),
            ).fetchall()
        return _joined([unpacked(*row) for row in rows], columns)

    def ordinal_of(self, key: str, frame: int) -> int:
        """Return the ordinal of the first measured frame whose number is at least `frame`.

        Of a video: that of its last frame and one more if there is none. Reads few microbatches.
        """
        name = content_and_key(key)[1]
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT first FROM chunks WHERE track = ? AND first <= ? ORDER BY first",
                (name, frame),
            ).fetchall()
        firsts = [int(row[0]) for row in rows]
        place = bisect_right(firsts, frame, key=lambda first: self._first_frame(key, first)) - 1
        part = self.part_holding(key, firsts[max(place, 0)]) if firsts else None
        if part is None:
            return 0
        return part.first + int(np.searchsorted(part.indices, frame))

    def _first_frame(self, key: str, first: int) -> int:
        part = self.part_holding(key, first)
        return int(part.indices[0]) if part is not None else 0

    def rows(self, key: str, start: int, end: int, columns: int) -> SeriesPart:
        """Return the frames of ordinals `start` to `end` - 1; `columns` as in `whole`."""
        picture = self._of_picture(key)
        if picture is not None:
            return picture
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT first, count, data FROM chunks WHERE track = ? AND first < ? "
                "AND first + count > ? ORDER BY first",
                (content_and_key(key)[1], end, start),
            ).fetchall()
        whole = _joined([unpacked(*row) for row in rows], columns)
        own = slice(max(start - whole.first, 0), max(end - whole.first, 0))
        return SeriesPart(
            whole.first + own.start, whole.indices[own], whole.pts_seconds[own], whole.values[own]
        )

    def of_pictures(
        self, tracks: Mapping[str, Mapping[str, str]]
    ) -> dict[str, dict[str, SeriesPart]]:
        """Return all series of many pictures by content and stage, read together.

        `tracks` are those of results, by content; what is kept under keys of its own is left out.
        """
        keys = {c: each for c, each in tracks.items() if isinstance(each, PictureKeys)}
        contents = list(keys)
        found: dict[str, dict[str, SeriesPart]] = {}
        for start in range(0, len(contents), _BATCH):
            part = {content: keys[content] for content in contents[start : start + _BATCH]}
            with self._database.reading() as connection:
                found |= picture_series.of_pictures(connection, part)
        return found

    def first_rows(
        self, contents: Sequence[str], spec_hash: str, stage: str
    ) -> dict[str, NDArray[np.float32]]:
        """Return by content the first values, float32 (columns,), that a stage measured.

        Of the results of a spec over some contents; those without any values are left out.
        """
        found: dict[str, NDArray[np.float32]] = {}
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                results = connection.execute(
                    "SELECT contents.content, contents.id, tracks FROM contents "
                    "JOIN result_rows ON result_rows.content = contents.id "
                    "WHERE spec = (SELECT id FROM specs WHERE spec_hash = ?) "
                    f"AND contents.content IN ({','.join('?' * len(part))})",
                    (spec_hash, *part),
                ).fetchall()
                found |= picture_series.first_rows(connection, results, stage)
                found |= _first_by_key(connection, results, stage)
        return found

    def _of_picture(self, key: str) -> SeriesPart | None:
        content, bare = content_and_key(key)
        if not content:
            return None
        with self._database.reading() as connection:
            return picture_series.find(connection, content, bare)

    def rename(self, keys: Mapping[str, str]) -> None:
        """Give series new keys; what was kept under those is removed. All in one transaction."""
        with self._database.transaction() as connection:
            for old, new in keys.items():
                connection.execute("DELETE FROM tracks WHERE key = ?", (new,))
                connection.execute(
                    "INSERT INTO tracks SELECT ?, content, stage, version, settings, frames, "
                    "complete, ended FROM tracks WHERE key = ?",
                    (new, old),
                )
                connection.execute("UPDATE chunks SET track = ? WHERE track = ?", (new, old))
                connection.execute("DELETE FROM tracks WHERE key = ?", (old,))

    def forget(self, keys: Sequence[str]) -> None:
        """Remove series with all they hold, so that they are measured again."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM tracks WHERE key = ?", [(key,) for key in keys])


def _first_by_key(
    connection: Connection, results: Iterable[tuple[str, int, str]], stage: str
) -> dict[str, NDArray[np.float32]]:
    """Return by content the first values of the stage's series of results that name its key."""
    named = ((content, json.loads(kept)) for content, _, kept in results if kept.startswith("{"))
    parts = (
        (content, _first_part(connection, *content_and_key(keys[stage])))
        for content, keys in named
        if stage in keys
    )
    return {content: part.values[0] for content, part in parts if part and len(part.values)}


def _first_part(connection: Connection, content: str, key: str) -> SeriesPart | None:
    """Return the first microbatch of a series, if it is kept."""
    if content:
        return picture_series.find(connection, content, key)
    row = connection.execute(
        "SELECT first, count, data FROM chunks WHERE track = ? AND first = 0", (key,)
    ).fetchone()
    return None if row is None else unpacked(*row)


def _joined(parts: Sequence[SeriesPart], columns: int) -> SeriesPart:
    """Return microbatches in one piece; `columns` is the width where there is none."""
    if not parts:
        return SeriesPart(0, np.zeros(0, np.int64), np.zeros(0), np.zeros((0, columns), np.float32))
    return SeriesPart(
        parts[0].first,
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.pts_seconds for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def _fields(header: SeriesHeader) -> tuple[str, str, str, int, str]:
    settings = json.dumps(header.settings)
    return header.key, header.content, header.stage, header.version, settings


def _keep_part(connection: Connection, key: str, part: SeriesPart) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?)",
        (key, part.first, len(part.indices), _packed(part)),
    )


def _packed(part: SeriesPart) -> bytes:
    body = (
        part.indices.astype("<i8").tobytes()
        + part.pts_seconds.astype("<f8").tobytes()
        + np.ascontiguousarray(part.values, "<f4").tobytes()
        + part.mark.to_bytes(4, "little")
    )
    return zlib.compress(body, 1)


def unpacked(first: int, count: int, data: bytes) -> SeriesPart:
    """Return a microbatch as it was kept in `chunks`."""
    body = zlib.decompress(data)
    mark = int.from_bytes(body[-4:], "little")
    indices = np.frombuffer(body, "<i8", count)
    pts_seconds = np.frombuffer(body, "<f8", count, 8 * count)
    values = np.frombuffer(body[16 * count : -4], "<f4").reshape(count, -1)
    return SeriesPart(first, indices, pts_seconds, values, mark)
