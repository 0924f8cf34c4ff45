"""Vectors of frames that a model stage stored, read for many contents at once."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .database import Database


@dataclass(frozen=True, slots=True)
class VectorSource:
    """How some vectors were made: one row of `asked`.

    `identity` is that of the answer key (model, revision, preprocessing and so on), `dimension` the
    length of its vectors; `precision_is_set` says whether the user chose the precision.
    """

    number: int
    identity: dict[str, Any]
    dimension: int
    precision_is_set: bool


@dataclass(frozen=True, slots=True)
class FrameVectors:
    """Vectors of entire frames: `values` is float32 (rows, dimension), each of length 1."""

    contents: list[str]
    frames: NDArray[np.int64]
    seconds: NDArray[np.float64]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.contents)


class StoredVectors:
    """Reads vectors of frames; those of objects are left out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sources(self) -> list[VectorSource]:
        """Return how the vectors that are kept were made; one for each dimension of a key."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT asked.id, asked.body, length(vector) / 4 FROM annotations "
                "JOIN asked ON asked.id = asked WHERE vector IS NOT NULL ORDER BY asked.id"
            ).fetchall()
        return [_source(*row) for row in rows]

    def contents(self, sources: Collection[VectorSource]) -> set[str]:
        """Return the contents with a vector of some sources."""
        numbers = [each.number for each in sources]
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT content FROM annotations WHERE part = '' AND vector IS NOT NULL "
                f"AND asked IN ({','.join('?' * len(numbers))})",
                numbers,
            )
            return {str(row[0]) for row in rows}

    def of(self, sources: Collection[VectorSource], wanted: Collection[str]) -> FrameVectors:
        """Return the vectors of the wanted contents, by content and frame.

        Of several vectors of one frame the newest is taken; one with NaN or of length 0 is left
        out. Each is divided by its length.
        """
        numbers = [each.number for each in sources]
        size = 4 * next(iter(sources)).dimension if sources else 0
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT content, frame, seconds, vector, max(id) FROM annotations "
                "WHERE part = '' AND length(vector) = ? "
                f"AND asked IN ({','.join('?' * len(numbers))}) GROUP BY content, frame",
                (size, *numbers),
            ).fetchall()
        known = set(wanted)
        return _sound([row for row in rows if row[0] in known], size // 4)


def _source(number: int, body: str, dimension: int) -> VectorSource:
    fields = json.loads(body)
    is_set = fields.get("made_with", {}).get("precision") == "set"
    return VectorSource(int(number), fields["identity"], int(dimension), is_set)


def _sound(rows: list[tuple[Any, ...]], dimension: int) -> FrameVectors:
    values = np.frombuffer(b"".join(row[3] for row in rows), "<f4").reshape(len(rows), dimension)
    lengths = np.sqrt(np.einsum("nd,nd->n", values, values, dtype=np.float64))
    sound = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    kept = [rows[n] for n in sound.tolist()]
    return FrameVectors(
        [str(row[0]) for row in kept],
        np.array([row[1] for row in kept], np.int64),
        np.array([row[2] for row in kept], np.float64),
        values[sound] / lengths[sound, None].astype(np.float32),
    )
