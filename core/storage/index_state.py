"""State of the index of vectors: its collections, what lies in each, and what is yet to be added.

The collections themselves are in `search/stores`; this says what they should hold. A point is taken
down here after the store has it, and removed here after the store has removed it: what a kill
leaves undone is done again, with the same ids.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ..errors import UnknownName
from ..text import clean, nearest
from .database import Database
from .jobs import now

SpaceState = Literal["building", "current", "kept", "removed"]
"""`current` is searched; `building` is to take its place; `kept` was current; of a `removed` one
the vectors are in the library, and not indexed"""
_PENDING = (
    "FROM index_pending AS p JOIN annotations AS a ON a.id = p.annotation "
    "WHERE EXISTS (SELECT 1 FROM contents WHERE contents.content = a.content) AND NOT EXISTS "
    "(SELECT 1 FROM indexed_contents AS i WHERE i.content = a.content AND i.gone)"
)
_SPACE = "id, name, body, state, generation, created, background, background_vectors"


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """One collection. `body` has the fields of `search.space.EmbeddingSpace`.

    `background` identifies the sentences whose vectors are float32 (sentences, dimension); both are
    empty where no mean and spread could be computed.
    """

    id: int
    name: str
    body: dict[str, Any]
    state: SpaceState
    generation: int
    created: str
    background: str
    background_vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VectorRow:
    """One vector of the library; `vector` is float32 (dimension,). `version` is of its pending."""

    annotation: int
    asked: int
    content: str
    frame: int
    part: str
    seconds: float
    vector: NDArray[np.float32]
    version: int = 0


@dataclass(frozen=True, slots=True)
class PointRow:
    """One point of a collection; `annotation` is None once the vector is no longer there."""

    point: UUID
    annotation: int | None
    content: str
    mean: float
    spread: float


class IndexState:
    """Reads and writes what the index holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def owner(self) -> str:
        """Return what tells collections of this library from others on the same server."""
        with self._database.reading() as connection:
            return str(connection.execute("SELECT id FROM index_owner").fetchone()[0])

    # Spaces

    def spaces(self) -> list[SpaceRow]:
        """Return all collections, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(f"SELECT {_SPACE} FROM spaces ORDER BY id").fetchall()
        return [_space(row) for row in rows]

    def space(self, name: str) -> SpaceRow:
        """Return a collection by its name or the start of it. Raises UnknownName."""
        every = self.spaces()
        found = [each for each in every if each.name == name]
        found = found or [each for each in every if name and each.name.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.name for each in found)
            raise UnknownName(f"several indexes begin with '{clean(name)}': {names}")
        hint = nearest(name, [each.name for each in every])
        raise UnknownName(f"no index '{clean(name)}'{hint} (see `sightline index list`)")

    def current(self) -> SpaceRow | None:
        """Return the collection that is searched; the one being built where no other is there."""
        every = self.spaces()
        for state in ("current", "building"):
            for each in every:
                if each.state == state:
                    return each
        return None

    def add_space(self, name: str, body: dict[str, Any]) -> SpaceRow:
        """Return a collection, adding it where it was not known; the first is current at once."""
        with self._database.transaction(revises=False) as connection:
            first = connection.execute("SELECT 1 FROM spaces WHERE state = 'current'").fetchone()
            connection.execute(
                "INSERT OR IGNORE INTO spaces (name, body, state, created) VALUES (?, ?, ?, ?)",
                (name, json.dumps(body), "building" if first else "current", now()),
            )
        return self.space(name)

    def switch(self, space: int) -> None:
        """Let a collection be the one that is searched."""
        with self._database.transaction(revises=False) as connection:
            connection.execute("UPDATE spaces SET state = 'kept' WHERE state = 'current'")
            connection.execute("UPDATE spaces SET state = 'current' WHERE id = ?", (space,))

    def set_state(self, space: int, state: SpaceState) -> None:
        """Set the state of a collection."""
        with self._database.transaction(revises=False) as connection:
            connection.execute("UPDATE spaces SET state = ? WHERE id = ?", (state, space))

    def set_background(self, space: int, key: str, vectors: NDArray[np.float32]) -> None:
        """Keep the vectors of the background sentences in a space."""
        with self._database.transaction(revises=False) as connection:
            connection.execute(
                "UPDATE spaces SET background = ?, background_vectors = ? WHERE id = ?",
                (key, vectors.astype("<f4").tobytes(), space),
            )

    def generation(self, name: str) -> int:
        """Return a number that every change of a collection raises; 0 if there is none."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT generation FROM spaces WHERE name = ?", (name,))
            found = row.fetchone()
        return int(found[0]) if found else 0

    def raise_generation(self, name: str) -> None:
        """Note that a collection has changed."""
        with self._database.transaction(revises=False) as connection:
            connection.execute(
                "UPDATE spaces SET generation = generation + 1 WHERE name = ?", (name,)
            )

    # Vectors

    def asked(self) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
        """Return identity and circumstances of every way in which a model was asked."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT id, body FROM asked").fetchall()
        bodies = {int(number): json.loads(body) for number, body in rows}
        return {
            number: (body["identity"], body.get("made_with", {}))
            for number, body in bodies.items()
            if "preprocessing" in body["identity"]
        }

    def pending(self, limit: int) -> list[VectorRow]:
        """Return vectors that are yet to be indexed, the oldest first.

        A vector whose content is not known yet, or whose files are gone, waits.
        """
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT a.id, a.asked, a.content, a.frame, a.part, a.seconds, a.vector, p.version "
                f"{_PENDING} ORDER BY p.annotation LIMIT ?",
                (limit,),
            ).fetchall()
        return [_vector(row) for row in rows]

    def count_pending(self) -> int:
        """Return how many vectors are yet to be indexed."""
        with self._database.reading() as connection:
            return int(connection.execute(f"SELECT count(*) {_PENDING}").fetchone()[0])

    def drop_pending(self, rows: Iterable[VectorRow]) -> None:
        """Take vectors from the list that are not to be indexed."""
        with self._database.transaction(revises=False) as connection:
            _settled(connection, rows)

    def queue(self, asked: Sequence[int], contents: Sequence[str] | None = None) -> None:
        """List vectors to be indexed again: of some ways of asking, of all contents or some."""
        wanted = f"vector IS NOT NULL AND asked IN ({','.join(map(str, map(int, asked)))})"
        with self._database.transaction(revises=False) as connection:
            for start in range(0, len(contents) if contents is not None else 1, 400):
                part = contents[start : start + 400] if contents is not None else ()
                some = f" AND content IN ({','.join('?' * len(part))})" if part else ""
                connection.execute(
                    "INSERT INTO index_pending (annotation) SELECT id FROM annotations "
                    f"WHERE {wanted}{some} "
                    "ON CONFLICT (annotation) DO UPDATE SET version = version + 1",
                    part,
                )

    # Points

    def keep_points(
        self, space: SpaceRow, rows: Sequence[tuple[VectorRow, UUID, float, float]]
    ) -> None:
        """Take down (vector, point, mean, spread) that the store has now."""
        with self._database.transaction(revises=False) as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO indexed VALUES (?, ?, "
                "(SELECT id FROM annotations WHERE id = ?), ?, ?, ?)",
                [
                    (space.id, point.bytes, row.annotation, row.content, mean, spread)
                    for row, point, mean, spread in rows
                ],
            )
            _settled(connection, [row for row, *_ in rows])
            _raise(connection, space.id)

    def drop_points(self, space: SpaceRow, points: Sequence[UUID]) -> None:
        """Take down that the store has points no more."""
        with self._database.transaction(revises=False) as connection:
            connection.executemany(
                "DELETE FROM indexed WHERE space = ? AND point = ?",
                [(space.id, point.bytes) for point in points],
            )
            _raise(connection, space.id)

    def clear(self, space: SpaceRow) -> None:
        """Take down that a collection is empty."""
        with self._database.transaction(revises=False) as connection:
            connection.execute("DELETE FROM indexed WHERE space = ?", (space.id,))
            _raise(connection, space.id)

    def count(self, space: int) -> int:
        """Return how many points a collection holds."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT count(*) FROM indexed WHERE space = ?", (space,))
            return int(row.fetchone()[0])

    def count_contents(self, space: int) -> int:
        """Return of how many contents a collection holds points."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT count(DISTINCT content) FROM indexed WHERE space = ?", (space,)
            )
            return int(row.fetchone()[0])

    def lacking(self, space: int, other: int) -> int:
        """Return how many contents are in one collection and not in another."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT count(DISTINCT content) FROM indexed AS i WHERE space = ? AND NOT EXISTS "
                "(SELECT 1 FROM indexed AS o WHERE o.content = i.content AND o.space = ?)",
                (space, other),
            )
            return int(row.fetchone()[0])

    def orphans(self, limit: int) -> list[tuple[int, PointRow]]:
        """Return points whose vectors are no longer there, with the number of the space."""
        return self._points("annotation IS NULL LIMIT ?", (limit,))

    def points_of(self, contents: Sequence[str]) -> list[tuple[int, PointRow]]:
        """Return the points of some contents."""
        return self._points(f"content IN ({','.join('?' * len(contents))})", tuple(contents))

    def points(self, space: int) -> list[PointRow]:
        """Return all points of a collection, in order of the id."""
        return [row for _, row in self._points("space = ? ORDER BY point", (space,))]

    def _points(self, condition: str, values: tuple[Any, ...]) -> list[tuple[int, PointRow]]:
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT space, point, annotation, content, mean, spread FROM indexed "
                f"WHERE {condition}",
                values,
            ).fetchall()
        return [
            (int(space), PointRow(UUID(bytes=point), number, content, mean, spread))
            for space, point, number, content, mean, spread in rows
        ]

    def vectors(self, space: int) -> Iterator[tuple[PointRow, VectorRow]]:
        """Yield all points of a collection with their vectors."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT i.point, i.mean, i.spread, a.id, a.asked, a.content, a.frame, a.part, "
                "a.seconds, a.vector FROM indexed AS i "
                "JOIN annotations AS a ON a.id = i.annotation WHERE i.space = ? ORDER BY i.point",
                (space,),
            ).fetchall()
        for point, mean, spread, *vector in rows:
            row = _vector((*vector, 0))
            yield PointRow(UUID(bytes=point), row.annotation, row.content, mean, spread), row

    def vectors_of(self, content: str, asked: Sequence[int]) -> list[VectorRow]:
        """Return the vectors of a content, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, asked, content, frame, part, seconds, vector, 0 FROM annotations "
                f"WHERE content = ? AND vector IS NOT NULL AND asked IN "
                f"({','.join(map(str, map(int, asked)))}) ORDER BY id",
                (content,),
            ).fetchall()
        return [_vector(row) for row in rows]

    # Contents

    def digests(self) -> dict[str, str]:
        """Return by content what its points' payload was made of; without those that are gone."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT content, digest FROM indexed_contents WHERE NOT gone")
            return {str(content): str(digest) for content, digest in rows}

    def keep_digests(self, digests: Iterable[tuple[str, str]]) -> None:
        """Keep (content, digest) of payloads that the stores have now."""
        with self._database.transaction(revises=False) as connection:
            connection.executemany(
                "INSERT INTO indexed_contents (content, digest) VALUES (?, ?) "
                "ON CONFLICT (content) DO UPDATE SET digest = excluded.digest",
                list(digests),
            )

    def touch(self, content: str) -> None:
        """Have the payload of a content's points made again, as after a correction."""
        with self._database.transaction(revises=False) as connection:
            connection.execute(
                "UPDATE indexed_contents SET digest = '' WHERE content = ?", (content,)
            )

    def set_gone(self, contents: Iterable[str], *, gone: bool) -> None:
        """Note that all files of some contents are gone, or are there again."""
        with self._database.transaction(revises=False) as connection:
            connection.executemany(
                "INSERT INTO indexed_contents VALUES (?, '', ?) "
                "ON CONFLICT (content) DO UPDATE SET gone = excluded.gone",
                [(content, int(gone)) for content in contents],
            )

    def gone(self) -> list[str]:
        """Return the contents whose files were gone when that was looked at last."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT content FROM indexed_contents WHERE gone")
            return [str(row[0]) for row in rows]


def _settled(connection: sqlite3.Connection, rows: Iterable[VectorRow]) -> None:
    """Take vectors from the list, unless they were changed since they were read."""
    connection.executemany(
        "DELETE FROM index_pending WHERE annotation = ? AND version = ?",
        [(row.annotation, row.version) for row in rows],
    )


def _raise(connection: sqlite3.Connection, space: int) -> None:
    connection.execute("UPDATE spaces SET generation = generation + 1 WHERE id = ?", (space,))


def _space(row: tuple[Any, ...]) -> SpaceRow:
    number, name, body, state, generation, created, background, vectors = row
    fields = json.loads(body)
    rows = np.frombuffer(vectors or b"", "<f4").reshape(-1, int(fields["dimension"]))
    return SpaceRow(number, name, fields, state, generation, created, background, rows.copy())


def _vector(row: tuple[Any, ...]) -> VectorRow:
    number, asked, content, frame, part, seconds, vector, version = row
    values = np.frombuffer(vector, "<f4").copy()
    return VectorRow(number, asked, content, frame, part, seconds, values, version)
