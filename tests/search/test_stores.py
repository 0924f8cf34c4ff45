"""What every store of vectors must do: one suite, run over each implementation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from core.errors import IndexFault, UsageError
from core.search.server_address import checked
from core.search.space import EmbeddingSpace
from core.search.stores.edge import EdgeStore
from core.search.stores.exact import ExactStore
from core.search.stores.fields import epoch
from core.search.stores.protocol import (
    Filter,
    Near,
    OneOf,
    Point,
    Query,
    Range,
    VectorStore,
)
from core.search.stores.server import ServerStore
from tests.search.qdrant_server import QdrantStandIn

SPACE = EmbeddingSpace("tiny/model", "a" * 40, "b" * 32, 16)
WHERE = SPACE.name
ROUNDING = 1e-3


def points(count: int, seed: int = 1) -> list[Point]:
    """Return points of four files, with fields of every kind."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, SPACE.dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return [
        Point(SPACE.point_id(f"file{row % 4}", row), vector, _payload(row),
              mean=0.01 * (row % 7), spread=0.05 + 0.01 * (row % 5))
        for row, vector in enumerate(rows)
    ]  # fmt: skip


def _payload(row: int) -> dict[str, object]:
    payload: dict[str, object] = {
        "content": f"file{row % 4}",
        "kind": "video" if row % 2 else "picture",
        "folder": ["/a", "/a/b"] if row % 4 == 0 else ["/a"],
        "tag": ["rain", "sky"] if row % 3 == 0 else ["car"],
        "seconds": row / 2,
        "frame": row,
        "date": epoch(f"2024-06-{1 + row % 28:02}T10:00:00"),
        "box": [1.0, 2.0, 3.0, 4.0],
    }
    if row % 5 == 0:
        payload["place"] = {"lat": round(46.2 + row / 100, 2), "lon": 7.5}
    return payload


@contextmanager
def _opened(kind: str, folder: Path) -> Iterator[VectorStore]:
    if kind == "exact":
        yield ExactStore()
    elif kind == "edge":
        yield EdgeStore(folder / "vectors")
    elif kind == "server":
        with QdrantStandIn("key").serving() as url:
            yield ServerStore(checked(url, "key"), "sightline-test-")
    else:
        url, key = os.environ["QDRANT_TEST_URL"], os.environ.get("QDRANT_TEST_KEY", "")
        yield ServerStore(checked(url, key), f"sightline-test-{uuid4().hex}-")


REAL = pytest.param(
    "real server",
    marks=[
        pytest.mark.qdrant_server,
        pytest.mark.skipif("QDRANT_TEST_URL" not in os.environ, reason="needs QDRANT_TEST_URL"),
    ],
)


@pytest.fixture(params=["exact", "edge", "server", REAL])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    """Yield an empty store."""
    with _opened(request.param, tmp_path) as made:
        try:
            yield made
        finally:
            for name in made.collections():
                made.drop(name)
            made.close()


@pytest.fixture
def filled(store: VectorStore) -> VectorStore:
    """Return a store with 60 points."""
    store.create(WHERE, SPACE.dimension)
    store.upsert(WHERE, points(60))
    return store


def _expected(every: list[Point], query: Query) -> list[tuple[UUID, float]]:
    vector = query.vector.astype(np.float64)
    scored = []
    for each in every:
        score = float(each.vector.astype(np.float64) @ vector)
        if query.scores == "calibrated":
            score = (score - query.weight * each.mean) / each.spread
        scored.append((each.id, score))
    return sorted(scored, key=lambda pair: -pair[1])[query.offset : query.offset + query.limit]


def test_scores_are_those_of_the_product(filled: VectorStore) -> None:
    """Both kinds of scores, with and without an offset, one at a time and many at once."""
    every, (target, other) = points(60), points(2, seed=9)
    queries = [
        Query(target.vector),
        Query(target.vector, limit=60, scores="calibrated"),
        Query(target.vector * 3 - other.vector, limit=5, offset=7, scores="calibrated", weight=2.0),
        Query(other.vector, limit=100, offset=50),
    ]
    for query, found in zip(queries, filled.query_many(WHERE, queries), strict=True):
        rounding = ROUNDING if query.scores == "cosine" else ROUNDING / 0.05
        expected = _expected(every, query)
        wanted = dict(_expected(every, replace(query, limit=60, offset=0)))
        scores = [hit.score for hit in found]
        assert np.allclose(scores, [score for _, score in expected], atol=rounding)
        assert np.allclose(scores, [wanted[hit.id] for hit in found], atol=rounding)
        alone = filled.query(WHERE, query)
        assert [(hit.id, hit.payload) for hit in alone] == [(hit.id, hit.payload) for hit in found]


def test_least_ends_the_list(filled: VectorStore) -> None:
    """Hits below the least score are left out."""
    query = Query(points(1, seed=9)[0].vector, limit=60)
    scores = [hit.score for hit in filled.query(WHERE, query)]
    least = (scores[9] + scores[10]) / 2
    for kind in ("cosine", "calibrated"):
        every = filled.query(WHERE, Query(query.vector, limit=60, scores=kind))
        wanted = [hit.id for hit in every if hit.score >= least]
        found = filled.query(WHERE, Query(query.vector, limit=60, scores=kind, least=least))
        assert [hit.id for hit in found] == wanted


FILTERS: list[tuple[Filter, str]] = [
    (Filter((OneOf("content", ("file1", "file2")),)), "row % 4 in (1, 2)"),
    (Filter((OneOf("content", ("file1",)),), (OneOf("tag", ("rain",)),)), "row%4==1 and row%3"),
    (Filter((OneOf("tag", ("sky",)),)), "row % 3 == 0"),
    (Filter((OneOf("folder", ("/a/b",)),)), "row % 4 == 0"),
    (Filter((OneOf("frame", (3, 5)),)), "row in (3, 5)"),
    (Filter((Range("seconds", gte=5, lt=10),)), "10 <= row < 20"),
    (Filter((Range("seconds", gt=5, lte=10),)), "10 < row <= 20"),
    (Filter((Range("date", gte=epoch("2024-06-20")),)), "row % 28 >= 19"),
    (Filter((Near("place", 46.2, 7.5, 6.0),)), "row in (0, 5)"),
    (Filter((), (Near("place", 46.2, 7.5, 6.0),)), "row not in (0, 5)"),
    (Filter((OneOf("label", ("dog",)),)), "False"),
    (Filter((), (OneOf("label", ("dog",)),)), "True"),
    (Filter(ids=frozenset({SPACE.point_id("file2", 2)})), "row == 2"),
    (Filter(ids=frozenset()), "False"),
    (Filter(), "True"),
]


def test_filters(filled: VectorStore) -> None:
    """Every kind of condition holds for the same points in queries, counts and lists."""
    every = points(60)
    for which, rule in FILTERS:
        wanted = {p.id for row, p in enumerate(every) if eval(rule, {"row": row})}
        found = filled.query(WHERE, Query(every[0].vector, limit=100, filter=which))
        assert {hit.id for hit in found} == wanted, which
        assert filled.count(WHERE, which) == len(wanted), which
        assert {p.id for p in filled.scroll(WHERE, which).points} == wanted, which


def test_upsert_replaces_and_delete_removes(filled: VectorStore) -> None:
    """Ids stay unique; what is deleted is not found; every change raises the generation."""
    every, before = points(60), filled.generation(WHERE)
    filled.upsert(WHERE, [*points(10, seed=2), every[20]])
    assert filled.count(WHERE) == 60
    assert filled.generation(WHERE) > before
    assert np.allclose(
        filled.retrieve(WHERE, [every[3].id])[0].vector, points(10, seed=2)[3].vector, atol=1e-3
    )
    before = filled.generation(WHERE)
    filled.delete(WHERE, [each.id for each in every[:30]])
    filled.delete(WHERE, [every[0].id])
    assert filled.count(WHERE) == 30
    assert filled.generation(WHERE) > before
    found = filled.query(WHERE, Query(every[0].vector, limit=100))
    assert {hit.id for hit in found} == {each.id for each in every[30:]}


def test_scroll_and_retrieve(filled: VectorStore) -> None:
    """Pages are in order of the id, without gaps; vectors, means and spreads come back."""
    every = {each.id: each for each in points(60)}
    seen: list[Point] = []
    page = filled.scroll(WHERE, limit=25, vectors=True)
    seen += page.points
    while page.next is not None:
        page = filled.scroll(WHERE, limit=25, after=page.next, vectors=True)
        seen += page.points
    assert [each.id for each in seen] == sorted(every)
    assert len(seen) == 60
    for each in seen:
        assert np.allclose(each.vector, every[each.id].vector, atol=ROUNDING)
        assert each.mean == pytest.approx(every[each.id].mean, abs=ROUNDING)
        assert each.spread == pytest.approx(every[each.id].spread, abs=ROUNDING)
        assert dict(each.payload) == every[each.id].payload
    wanted = [seen[5].id, UUID(int=1), seen[2].id]
    assert [each.id for each in filled.retrieve(WHERE, wanted)] == [wanted[0], wanted[2]]
    assert all(each.vector.size == 0 for each in filled.scroll(WHERE, limit=3).points)


def test_collections(store: VectorStore) -> None:
    """A collection that is missing is empty; one of another dimension is refused."""
    query = Query(points(1)[0].vector)
    assert store.query(WHERE, query) == []
    assert store.count(WHERE) == 0
    assert store.retrieve(WHERE, [points(1)[0].id]) == []
    store.delete(WHERE, [points(1)[0].id])
    with pytest.raises(IndexFault, match="index rebuild"):
        store.upsert(WHERE, points(1))
    store.create(WHERE, 16)
    store.create(WHERE, 16)
    store.create("other", 8)
    with pytest.raises(IndexFault, match="dimension 16, and the model has 8"):
        store.create(WHERE, 8)
    assert store.collections() == {WHERE: 16, "other": 8}
    store.upsert(WHERE, points(3))
    store.drop(WHERE)
    store.drop(WHERE)
    assert store.collections() == {"other": 8}
    assert store.count(WHERE) == 0


def _with(vector: np.ndarray, **changed: float) -> Point:
    return Point(SPACE.point_id("x", 0), vector.astype(np.float32), {}, **changed)


REFUSED: list[tuple[Point, str]] = [
    (_with(np.full(16, np.nan)), "no numbers"),
    (_with(np.full(16, np.inf)), "no numbers"),
    (_with(np.zeros(16)), "it is zero"),
    (_with(np.full(16, 1.0)), "its length is 4.000"),
    (_with(np.full(8, 1.0)), "dimension 8 and the index 16"),
    (_with(np.eye(16)[0], spread=0.0), "spread"),
    (_with(np.eye(16)[0], mean=float("nan")), "no numbers"),
    (Point(SPACE.point_id("x", 0), points(1)[0].vector, {"tags": []}), "unknown field 'tags'"),
]


def test_bad_vectors_are_refused(filled: VectorStore) -> None:
    """Nothing that would be found wrongly is stored, nor what came with it."""
    for point, words in REFUSED:
        with pytest.raises(UsageError, match=words):
            filled.upsert(WHERE, [*points(1, seed=5), point])
    assert np.allclose(
        filled.retrieve(WHERE, [points(1)[0].id])[0].vector, points(1)[0].vector, atol=ROUNDING
    )


def test_bad_queries_are_refused(filled: VectorStore) -> None:
    """NaN, zero and foreign vectors, unknown fields and conditions that cannot be."""
    sound = points(1)[0].vector
    cases: list[tuple[Query, str]] = [
        (Query(np.full(16, np.nan, np.float32)), "no numbers"),
        (Query(np.zeros(16, np.float32)), "zero"),
        (Query(sound[:8]), "dimension 8 and the index 16"),
        (Query(sound, weight=float("inf")), "no numbers"),
        (Query(sound, limit=-1), "negative"),
        (Query(sound, filter=Filter((OneOf("camra", ("x",)),))), "did you mean 'camera'"),
        (Query(sound, filter=Filter((), (Range("second", gte=1),))), "did you mean 'seconds'"),
        (Query(sound, filter=Filter((Range("camera", gte=1),))), "'camera' is a keyword"),
        (Query(sound, filter=Filter((Near("date", 1, 1, 1),))), "'date' is a number"),
        (Query(sound, filter=Filter((Range("date", gte=float("nan")),))), "no number"),
    ]
    for query, words in cases:
        with pytest.raises(UsageError, match=words):
            filled.query(WHERE, query)
        with pytest.raises(UsageError, match=words):
            filled.query_many(WHERE, [Query(sound), query])
    with pytest.raises(UsageError, match="no field 'x'"):
        filled.count(WHERE, Filter((OneOf("x", (1,)),)))
    with pytest.raises(UsageError, match="no field 'x'"):
        filled.scroll(WHERE, Filter((OneOf("x", (1,)),)))


def test_wide_filters_find_the_same(store: VectorStore) -> None:
    """A filter that most points pass: also where none of the best does."""
    every = points(600, seed=4)
    store.create(WHERE, SPACE.dimension)
    store.upsert(WHERE, every)
    best = sorted(every, key=lambda p: -float(p.vector @ every[0].vector))
    excluded = {int(p.payload["frame"]) for p in best[:200]}
    kept = tuple(sorted({int(p.payload["frame"]) for p in every} - excluded))
    for which, rule in (
        (Filter((Range("seconds", lt=200),)), lambda row: row < 400),
        (Filter((), (OneOf("tag", ("rain",)),)), lambda row: row % 3 != 0),
        (Filter((OneOf("frame", kept),)), lambda row: row not in excluded),
    ):
        passing = [p for p in every if rule(int(p.payload["frame"]))]
        for limit, offset in ((10, 0), (5, 12), (600, 0)):
            for kind in ("cosine", "calibrated"):
                query = Query(every[0].vector, limit, offset, which, kind)
                expected = [score for _, score in _expected(passing, query)]
                found = store.query(WHERE, query)
                assert all(rule(int(hit.payload["frame"])) for hit in found)
                assert len({hit.id for hit in found}) == len(found)
                assert np.allclose([hit.score for hit in found], expected, atol=2e-2)
