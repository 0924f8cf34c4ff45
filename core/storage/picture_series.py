"""Series of pictures in the library: one row of values each, beside what they were measured by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
            return _part(data)
    return None


def of_pictures(
    connection: Connection, keys: Mapping[str, PictureKeys]
) -> dict[str, dict[str, SeriesPart]]:
    """Return the series of pictures by content and stage; those that are not kept are left out."""
    stages = {content: dict(zip(each.numbers, each, strict=True)) for content, each in keys.items()}
    found: dict[str, dict[str, SeriesPart]] = {}
    rows = connection.execute(
        "SELECT contents.content, measuring, data FROM contents "
        "JOIN picture_series ON picture_series.content = contents.id "
        f"WHERE contents.content IN ({','.join('?' * len(keys))})",
        list(keys),
    )
    for content, measuring, data in rows:
        stage = stages[content].get(measuring)
        if stage is not None:
            found.setdefault(content, {})[stage] = _part(data)
    return found


_FIRST, _START = np.zeros(1, np.int64), np.zeros(1)
_FIRST.flags.writeable = _START.flags.writeable = False


def _part(data: bytes) -> SeriesPart:
    return SeriesPart(0, _FIRST, _START, np.frombuffer(data, "<f4").reshape(1, -1))


def first_rows(
    connection: Connection, results: Sequence[tuple[str, int, str]], stage: str
) -> dict[str, NDArray[np.float32]]:
    """Return by content the values of a stage, float32 (columns,), of some results.

    Each is (content, its number, series as they are kept); those of videos are passed over.
    """
    measurings = Measurings(connection)
    wanted = {
        number: (measuring, content)
        for content, number, kept in results
        if (measuring := measurings.number_of(kept, stage)) is not None
    }
    rows = connection.execute(
        "SELECT content, measuring, data FROM picture_series "
        f"WHERE content IN ({','.join('?' * len(wanted))})",
        list(wanted),
    )
    return {
        wanted[number][1]: np.frombuffer(data, "<f4")
        for number, measuring, data in rows
        if wanted[number][0] == measuring
    }


class PictureKeys(Mapping[str, str]):
    """The keys of a picture's series by stage, each made when it is asked for.

    A key is a hash, and most readers of many results want none of them.
    """

    __slots__ = ("_content", "_kinds", "numbers")

    def __init__(
        self, content: str, kinds: Mapping[str, SeriesKeys], numbers: Sequence[int]
    ) -> None:
        self._content = content
        self._kinds = kinds
        self.numbers = numbers
        """what each was measured by, in the order of the stages"""

    def __getitem__(self, stage: str) -> str:
        """Return the key of a stage's series."""
        return picture_key(self._content, self._kinds[stage].of(self._content))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the stages."""
        return iter(self._kinds)

    def __len__(self) -> int:
        """Return how many stages measured the picture."""
        return len(self._kinds)


class Measurings:
    """What pictures were measured by, read once for many results."""

    def __init__(self, connection: Connection) -> None:
        self._kinds: dict[int, tuple[str, SeriesKeys]] = {
            number: (stage, _keys(stage, version, settings))
            for number, stage, version, settings in connection.execute(
                "SELECT id, stage, version, settings FROM measurings"
            )
        }
        self._lists: dict[str, list[int]] = {}
        self._keys_by_stage: dict[str, dict[str, SeriesKeys]] = {}

    def referred(self, tracks: Mapping[str, str]) -> str:
        """Return the series of a result as they are kept: a list of numbers where all have one."""
        numbers = [self._number(stage, key) for stage, key in tracks.items()]
        return json.dumps(dict(tracks) if None in numbers or not numbers else numbers)

    def spelled_out(self, content: str, kept: str) -> Mapping[str, str]:
        """Return the keys of the series of a result, by stage."""
        tracks = self._parsed(kept)
        if isinstance(tracks, dict):
            return tracks
        return PictureKeys(content, self._keys_by_stage[kept], self._lists[kept])

    def number_of(self, kept: str, stage: str) -> int | None:
        """Return the measuring of a stage in the series of a result; None where there is none."""
        tracks = self._parsed(kept)
        if isinstance(tracks, dict):
            return None
        return next((number for number in tracks if self._kinds[number][0] == stage), None)

    def _parsed(self, kept: str) -> dict[str, str] | list[int]:
        """Return what is kept; the lists of many pictures are equal, and parsed once."""
        if kept in self._lists:
            return self._lists[kept]
        tracks: dict[str, str] | list[int] = json.loads(kept)
        if isinstance(tracks, list):
            self._lists[kept] = tracks
            self._keys_by_stage[kept] = dict(self._kinds[number] for number in tracks)
        return tracks

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
