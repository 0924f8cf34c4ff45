"""Bringing a store up to what the library's database says: adding, replacing and removing points.

Order makes it safe against kills: a point goes into the store, then into the database; out of the
store, then out of the database. Ids are those of what a vector is of, so what is done twice is done
once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ..storage.index_facts import IndexFacts
from ..storage.index_state import IndexState, PointRow, SpaceRow, VectorRow
from ..text import clean, counted
from . import background
from .payloads import Payloads
from .space import EmbeddingSpace, space_of
from .stores.protocol import Point, VectorStore

BATCH = 512
"""vectors of a step: a kill costs at most as many, and a cancellation waits for one"""
Checkpoint = Callable[[], None]
"""called between two steps; waits while the work is paused, raises Cancelled"""
Progress = Callable[[int, int], None]
"""takes vectors that are indexed, and of how many"""
_UNIT = 1e-2


@dataclass
class Counts:
    """What was done."""

    added: int = 0
    """points added or replaced"""
    removed: int = 0
    refused: int = 0
    """vectors that cannot be searched: NaN, or zero"""


class Indexer:
    """Keeps the collections of a store as the database says. One thread at a time."""

    def __init__(
        self, state: IndexState, facts: IndexFacts, store: VectorStore,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._state = state
        self._facts = facts
        self._store = store
        self._notify = notify
        self._spaces: dict[int, SpaceRow] = {}
        self._by_asked: dict[int, SpaceRow] = {}

    def update(self, checkpoint: Checkpoint = lambda: None, progress: Progress | None = None,
               *, thorough: bool = False) -> Counts:  # fmt: skip
        """Index every vector that is not, and remove points whose vectors are gone.

        `thorough` also compares with what the store holds and renews payloads, as of files that
        were renamed. Raises IndexFault, EnvironmentFault; what was indexed until then stays.
        """
        counts = Counts()
        if thorough:
            self._compare(checkpoint)
            self._renew_payloads()
        self._remove_orphans(counts, checkpoint)
        done = 0
        while rows := self._state.pending(BATCH):
            checkpoint()
            self._add(rows, counts)
            done += len(rows)
            if progress is not None:
                progress(done, done + self._state.count_pending())
        return counts

    def rebuild(self, space: SpaceRow) -> None:
        """Empty a collection and list all its vectors to be indexed; `update` does that."""
        self._store.drop(space.name)
        self._state.clear(space)
        if space.state == "removed":
            self._state.set_state(space.id, "kept")
        self._forget()
        self._store.create(space.name, _space(space).dimension)
        self._state.queue(self._asked_of(space))

    def remove(self, space: SpaceRow) -> None:
        """Remove a collection; its vectors stay in the library and are not indexed again."""
        self._state.set_state(space.id, "removed")
        self._store.drop(space.name)
        self._state.clear(space)
        self._forget()

    def set_background(
        self, space: EmbeddingSpace, embed: Callable[[Sequence[str]], NDArray[np.float32]]
    ) -> None:
        """Compute what a space needs for calibrated scores; nothing happens if it has it.

        `embed` returns float32 (texts, dimension) of unit length.
        """
        row = self._state.add_space(space.name, _body(space))
        texts, key = background.sentences(), background.key()
        if row.background == key:
            return
        vectors = embed(texts) if texts else np.zeros((0, space.dimension), np.float32)
        self._state.set_background(row.id, key, vectors)
        self._forget()
        if self._state.count(row.id):  # indexed with other means and spreads
            self._state.queue(self._asked_of(row))

    def prune(self, gone: Iterable[str], there: Iterable[str] = ()) -> Counts:
        """Remove the points of contents whose files are gone; they are known again if they return.

        Of contents that are `there` again, the vectors are listed to be indexed.
        """
        counts, contents = Counts(), list(gone)
        for start in range(0, len(contents), BATCH // 2):
            part = contents[start : start + BATCH // 2]
            self._state.set_gone(part, gone=True)
            self._drop(self._state.points_of(part), counts)
        back = list(there)
        if back:
            self._state.set_gone(back, gone=False)
            self._state.queue([*self._state.asked()], back)
        return counts

    # Adding

    def _add(self, rows: Sequence[VectorRow], counts: Counts) -> None:
        known = self._facts.of(list(dict.fromkeys(row.content for row in rows)))
        by_space: dict[int, list[VectorRow]] = {}
        self._state.drop_pending(row for row in rows if row.content not in known)
        for row in (row for row in rows if row.content in known):
            by_space.setdefault(self._space_of(row).id, []).append(row)
        for number, part in by_space.items():
            space = self._spaces[number]
            if space.state == "removed":
                self._state.drop_pending(part)
                continue
            sound = self._sound(part, space, counts)
            payloads = {each: Payloads(facts, _space(space).model) for each, facts in known.items()}
            self._add_to(space, sound, payloads, counts)
        self._state.keep_digests((each, facts.digest) for each, facts in known.items())

    def _add_to(
        self, space: SpaceRow, rows: list[VectorRow], payloads: dict[str, Payloads], counts: Counts
    ) -> None:
        if not rows:
            return
        matrix = np.stack([row.vector for row in rows])
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        means, spreads = background.mean_and_spread(matrix, space.background_vectors)
        whole = _space(space)
        ids = [whole.point_id(row.content, row.frame, row.part) for row in rows]
        points = {  # by id: of a frame that was embedded twice, the vector made last
            id_: Point(id_, vector, payloads[row.content].of(row), float(mean), float(spread))
            for id_, vector, row, mean, spread in zip(
                ids, matrix, rows, means, spreads, strict=True
            )
        }
        self._store.create(space.name, whole.dimension)
        self._store.upsert(space.name, list(points.values()))
        kept = [(row, id_, float(mean), float(spread)) for row, id_, mean, spread in
                zip(rows, ids, means, spreads, strict=True)]  # fmt: skip
        self._state.keep_points(space, kept)
        counts.added += len(points)

    def _sound(self, rows: list[VectorRow], space: SpaceRow, counts: Counts) -> list[VectorRow]:
        """Return the vectors that can be searched; the others are taken from the list."""
        dimension = _space(space).dimension
        bad = [row for row in rows if not _is_sound(row.vector, dimension)]
        if bad:
            where = ", ".join(f"{row.content[:12]} frame {row.frame}" for row in bad[:3])
            self._notify(
                f"{counted(len(bad), 'vector')} of {clean(_space(space).model)} not indexed: "
                f"not finite, or zero ({where}); scan the source again with --redo"
            )
            self._state.drop_pending(bad)
            counts.refused += len(bad)
        numbers = {row.annotation for row in bad}
        return [row for row in rows if row.annotation not in numbers]

    def _space_of(self, row: VectorRow) -> SpaceRow:
        if row.asked not in self._by_asked:
            identity, made_with = self._state.asked()[row.asked]
            space = space_of(
                identity, len(row.vector), precision_is_set=made_with.get("precision") == "set"
            )
            found = self._state.add_space(space.name, _body(space))
            self._by_asked[row.asked] = found
            self._spaces[found.id] = found
        return self._by_asked[row.asked]

    def _asked_of(self, space: SpaceRow) -> list[int]:
        """Return the ways of asking whose vectors are in a space."""
        whole = _space(space)
        return [
            number
            for number, (identity, made) in self._state.asked().items()
            if space_of(identity, whole.dimension, precision_is_set=made.get("precision") == "set")
            == whole
        ]

    # Removing

    def _remove_orphans(self, counts: Counts, checkpoint: Checkpoint) -> None:
        """Remove points whose vectors are gone, or take another vector of the same frame."""
        while orphans := self._state.orphans(BATCH):
            checkpoint()
            spaces = {space.id: space for space in self._state.spaces()}
            for number in {space for space, _ in orphans}:
                own = [row for space, row in orphans if space == number]
                self._replace_or_drop(spaces[number], own, counts)

    def _replace_or_drop(
        self, space: SpaceRow, orphans: Sequence[PointRow], counts: Counts
    ) -> None:
        asked, whole = self._asked_of(space), _space(space)
        ids = {each.point for each in orphans}
        for content in {each.content for each in orphans}:
            others = [
                row
                for row in self._state.vectors_of(content, asked)
                if _is_sound(row.vector, whole.dimension)
                and whole.point_id(row.content, row.frame, row.part) in ids
            ]
            if others:
                self._add(others, counts)
                ids -= {whole.point_id(row.content, row.frame, row.part) for row in others}
        self._drop([(space.id, each) for each in orphans if each.point in ids], counts)

    def _drop(self, points: Sequence[tuple[int, PointRow]], counts: Counts) -> None:
        spaces = {space.id: space for space in self._state.spaces()}
        for number in {space for space, _ in points}:
            ids = [row.point for space, row in points if space == number]
            self._store.delete(spaces[number].name, ids)
            self._state.drop_points(spaces[number], ids)
            counts.removed += len(ids)

    # Comparing

    def _compare(self, checkpoint: Checkpoint) -> None:
        """List what the store lacks of what the database says it has, and remove what it has more.

        That is after a disk lost what was written last, or somebody removed files.
        """
        for space in self._state.spaces():
            if space.state == "removed":
                continue
            if self._store.count(space.name) != self._state.count(space.id):
                self._compare_points(space, checkpoint)

    def _compare_points(self, space: SpaceRow, checkpoint: Checkpoint) -> None:
        held = set(ids_in(self._store, space.name, checkpoint))
        points = {row.point: row for row in self._state.points(space.id)}
        more = [each for each in held if each not in points]
        if more:
            self._store.delete(space.name, more)
        lost = [row for point, row in points.items() if point not in held]
        if lost:
            self._state.drop_points(space, [row.point for row in lost])
            self._state.queue(self._asked_of(space), sorted({row.content for row in lost}))

    def _renew_payloads(self) -> None:
        """List the vectors of contents of which something else is known now than when indexed."""
        kept = self._state.digests()
        now = self._facts.digests()
        changed = [each for each, digest in now.items() if kept.get(each) != digest]
        if changed:
            self._state.queue([*self._state.asked()], changed)

    def _forget(self) -> None:
        self._spaces.clear()
        self._by_asked.clear()


def ids_in(
    store: VectorStore, collection: str, checkpoint: Checkpoint = lambda: None
) -> Iterable[UUID]:
    """Yield the ids of all points of a collection."""
    after: UUID | None = None
    while True:
        checkpoint()
        page = store.scroll(collection, limit=4096, after=after)
        yield from (each.id for each in page.points)
        if page.next is None:
            return
        after = page.next


def _is_sound(vector: NDArray[np.float32], dimension: int) -> bool:
    return vector.shape == (dimension,) and bool(np.isfinite(vector).all() and vector.any())


def _body(space: EmbeddingSpace) -> dict[str, object]:
    return {each.name: getattr(space, each.name) for each in fields(space)}


def _space(row: SpaceRow) -> EmbeddingSpace:
    return EmbeddingSpace(**row.body)
