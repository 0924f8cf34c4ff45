"""The index follows the library: what is added, changed, renamed, removed or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import DiskFull, IndexFault, UnknownName
from core.search.indexing import Indexer
from core.search.stores import edge
from core.search.stores.protocol import Filter, OneOf, Query
from core.stores.answers import Annotation, AnswerKey
from tests.search.library import (
    DIMENSION,
    add_source,
    agreement,
    embed,
    identity,
    indexer_of,
    opened,
    vectors,
)


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("QDRANT_URL", raising=False)


def test_vectors_are_added_replaced_and_removed(tmp_path: Path) -> None:
    """A second run does nothing; a vector made again replaces the first; one forgotten goes."""
    with opened(tmp_path / "lib") as (library, index):
        add_source(library, "/films/a.mp4", "b2:a")
        add_source(library, "/films/b.mp4", "b2:b")
        embed(library, "b2:a", vectors(20))
        embed(library, "b2:b", vectors(5, seed=1))
        embed(library, "b2:unknown", vectors(3, seed=2))  # its file is not remembered yet
        with indexer_of(index) as indexer:
            assert indexer.update(thorough=True).added == 25
            assert indexer.update(thorough=True).added == 0
            agreement(library, index)
            embed(library, "b2:a", vectors(4, seed=3), first=18)
            assert indexer.update().added == 4
            agreement(library, index)
            library.annotations.forget("b2:b")
            counts = indexer.update()
        assert (counts.added, counts.removed) == (0, 5)
        agreement(library, index)
        space = library.index.current()
        assert space is not None and library.index.count(space.id) == 22
        newest = index.store.query(space.name, Query(vectors(4, seed=3)[0]))[0]
        assert newest.payload["frame"] == 18
        assert newest.score == pytest.approx(1, abs=1e-3)


def test_one_space_per_model_and_precision_only_if_set(tmp_path: Path) -> None:
    """Vectors in bfloat16 share the index, unless the user set that precision."""
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        for number in range(4):
            add_source(library, f"/{number}.mp4", f"b2:{number}")
        embed(library, "b2:0", vectors(2))
        embed(library, "b2:1", vectors(2), dtype="bfloat16")
        embed(library, "b2:2", vectors(2), dtype="float16", made={"precision": "set"})
        embed(library, "b2:3", vectors(2), revision="b" * 40)
        assert indexer.update().added == 8
        spaces = library.index.spaces()
        assert [library.index.count(each.id) for each in spaces] == [4, 2, 2]
        assert [each.state for each in spaces] == ["current", "building", "building"]
        assert [each.body["precision"] for each in spaces] == ["", "float16", ""]
        agreement(library, index)


def test_a_frame_embedded_twice_is_one_point(tmp_path: Path) -> None:
    """With another size shown it is another answer about the same frame: the newest is searched."""
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", vectors(3))
        embed(library, "b2:a", vectors(3, seed=7), longest_side=320)
        indexer.update()
        space = library.index.spaces()[0]
        assert library.index.count(space.id) == index.store.count(space.name) == 3
        found = index.store.query(space.name, Query(vectors(1, seed=7)[0]))[0]
        assert found.score == pytest.approx(1, abs=1e-3)
        with library.database.transaction() as connection:  # the newer answer is pruned
            connection.execute("DELETE FROM annotations WHERE asked = (SELECT max(id) FROM asked)")
        counts = indexer.update()
        assert (counts.added, counts.removed) == (3, 0)
        agreement(library, index)
        found = index.store.query(space.name, Query(vectors(1)[0]))[0]
        assert found.score == pytest.approx(1, abs=1e-3)


def test_nan_and_zero_are_refused_and_named(tmp_path: Path) -> None:
    """They stay in the library and are said once; the rest is indexed."""
    bad = vectors(4)
    bad[1], bad[2, 3] = 0, np.nan
    notes: list[str] = []
    with opened(tmp_path / "lib") as (library, index), indexer_of(index, notes) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", bad)
        counts = indexer.update()
        assert (counts.added, counts.refused) == (2, 2)
        assert len(notes) == 1 and "2 vectors of tiny/clip not indexed" in notes[0]
        assert indexer.update().refused == 0


def test_payload_follows_names_tags_and_corrections(tmp_path: Path) -> None:
    """A renamed file is found under its new name; a correction replaces the model's tags."""
    old, new = tmp_path / "old" / "a.mp4", tmp_path / "new" / "b.mp4"
    for each in (old, new):
        each.parent.mkdir()
    old.touch()
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, old, "b2:a", exif={"Make": "Canon", "Model": "EOS R5",
                   "DateTimeOriginal": "2024:06:03 10:00:00"},
                   gps={"latitude": 46.2, "longitude": 7.5})  # fmt: skip
        embed(library, "b2:a", vectors(3))
        indexer.update(thorough=True)
        space = library.index.spaces()[0].name

        def found(field: str, value: str) -> int:
            return index.store.count(space, Filter((OneOf(field, (value,)),)))

        assert found("folder", str(old.parent)) == found("camera", "eos") == 3
        payload = index.store.scroll(space).points[0].payload
        assert payload["place"] == {"lat": 46.2, "lon": 7.5}
        assert payload["date"] == 1717408800.0
        old.rename(new)
        add_source(library, new, "b2:a")
        key = library.annotations.register(AnswerKey("tag", identity(), {}))
        tagged = Annotation("tag", 1, 0.5, "", {"tags": [{"tag": "Storm"}, {"tag": "sea"}]})
        library.annotations.keep(key, [("b2:a", tagged)])
        assert indexer.update(thorough=True).added == 3
        assert found("folder", str(new.parent)) == 3
        assert found("folder", str(old.parent)) == 0
        assert found("tag", "storm") == found("tag", "sea") == 1
        library.remarks.correct("b2:a", 1, "tags", "Mast, rope")
        assert indexer.update(thorough=True).added == 3
        assert (found("tag", "storm"), found("tag", "mast"), found("tag", "rope")) == (0, 1, 1)
        assert indexer.update(thorough=True).added == 0


def test_objects_have_points_of_their_own(tmp_path: Path) -> None:
    """Each with its label and box, beside the frame that it is in."""
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        key = library.annotations.register(AnswerKey("detect", identity(), {}))
        found = {"objects": [{"label": "Dog", "score": 0.9, "box": [1.4, 2.0, 30.0, 40.6]}]}
        library.annotations.keep(key, [("b2:a", Annotation("detect", 0, 0.0, "", found))])
        embed(library, "b2:a", vectors(1))
        embed(library, "b2:a", vectors(1, seed=1), part="1,2,30,41")
        assert indexer.update().added == 2
        name = library.index.spaces()[0].name
        which = Filter((OneOf("part", ("object",)), OneOf("label", ("dog",))))
        (hit,) = index.store.query(name, Query(vectors(1)[0], filter=which))
        assert hit.payload["box"] == [1.0, 2.0, 30.0, 41.0]
        assert index.store.count(name, Filter((OneOf("part", ("frame",)),))) == 1


def test_what_the_store_lost_is_found_again(tmp_path: Path) -> None:
    """Points removed behind our back, or a folder that was deleted, are made again."""
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", vectors(12))
        indexer.update()
        space = library.index.spaces()[0]
        index.store.delete(space.name, [p.point for p in library.index.points(space.id)[:5]])
        indexer.update(thorough=True)
        agreement(library, index)
    shutil.rmtree(tmp_path / "lib" / "vectors")
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        indexer.update(thorough=True)
        agreement(library, index)
        indexer.rebuild(library.index.spaces()[0])
        indexer.update()
        agreement(library, index)


def test_pruned_contents_return_without_being_embedded(tmp_path: Path) -> None:
    """Points of files that are gone are removed, and come back from the library."""
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        for name in "ab":
            add_source(library, f"/{name}.mp4", f"b2:{name}")
            embed(library, f"b2:{name}", vectors(4, seed=ord(name)))
        indexer.update(thorough=True)
        assert indexer.prune(["b2:a"]).removed == 4
        assert indexer.update(thorough=True).added == 0
        assert library.index.gone() == ["b2:a"]
        agreement(library, index)
        embed(library, "b2:a", vectors(2, seed=5), first=4)
        assert indexer.update().added == 0
        indexer.prune([], ["b2:a"])
        assert indexer.update().added == 6
        agreement(library, index)


def test_background_gives_every_point_a_mean_and_a_spread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was indexed without is indexed again; vectors of the sentences are kept."""
    from core.search import background

    texts = vectors(50, seed=8)
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", vectors(6))
        indexer.update()
        space = library.index.spaces()[0]
        assert {each.spread for each in library.index.points(space.id)} == {1.0}
        monkeypatch.setattr(background, "sentences", lambda: tuple(map(str, range(50))))
        asked: list[int] = []

        def embedded(words: object) -> np.ndarray:
            asked.append(len(tuple(words)))  # type: ignore[arg-type]
            return texts

        from core.search.space import EmbeddingSpace

        for _ in range(2):
            indexer.set_background(EmbeddingSpace(**space.body), embedded)
        assert asked == [50]
        assert indexer.update().added == 6
        means, spreads = background.mean_and_spread(vectors(6), texts)
        kept = {row.frame: point for point, row in library.index.vectors(space.id)}
        for frame in range(6):
            assert kept[frame].mean == pytest.approx(means[frame], abs=1e-5)
            assert kept[frame].spread == pytest.approx(spreads[frame], abs=1e-5)
        hit = index.store.query(space.name, Query(vectors(6)[2], scores="calibrated"))[0]
        assert hit.score == pytest.approx((1 - means[2]) / spreads[2], abs=2e-2)


def test_readers_search_the_same_without_the_shard(tmp_path: Path) -> None:
    """Who only reads takes vectors from the database: the shard belongs to the engine."""
    from core.search.index import SearchIndex
    from core.storage.library import Library

    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", vectors(9))
        indexer.update()
        reader = Library(tmp_path / "lib", writable=False)
        beside = SearchIndex(reader, writable=False)
        try:
            name = library.index.spaces()[0].name
            for _ in range(2):
                query = Query(vectors(1, seed=4)[0], limit=20)
                own, theirs = (each.store.query(name, query) for each in (index, beside))
                assert [hit.id for hit in own] == [hit.id for hit in theirs]
                assert np.allclose([h.score for h in own], [h.score for h in theirs], atol=1e-3)
                assert [dict(hit.payload) for hit in own] == [dict(h.payload) for h in theirs]
                embed(library, "b2:a", vectors(5, seed=6), first=9)
                indexer.update()
                assert index.store.generation(name) == beside.store.generation(name) > 0
        finally:
            beside.close()
            reader.close()


def test_shards_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locked, newer, damaged and half made: one line each; a rebuild repairs all but a lock."""
    folder = tmp_path / "lib"
    with opened(folder) as (library, index):
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", vectors(3))
        with indexer_of(index) as indexer:
            indexer.update()
        name = library.index.spaces()[0].name
        other = edge.EdgeStore(folder / "vectors")
        with pytest.raises(IndexFault, match=r"open in another process.*engine stop"):
            other.count(name)
        index.close()
        about = folder / "vectors" / name / "about.json"
        sound = about.read_text()
        for text, words in (
            (json.dumps({**json.loads(sound), "format": 99}), "newer sightline.*format 99"),
            ("{", "is damaged.*index rebuild"),
        ):
            about.write_text(text)
            with pytest.raises(IndexFault, match=words):
                edge.EdgeStore(folder / "vectors").count(name)
        about.write_text(sound)
        (about.parent / "shard" / "edge_config.json").write_text("{")
        with pytest.raises(IndexFault, match=r"cannot be used.*index rebuild"):
            edge.EdgeStore(folder / "vectors").count(name)
        with indexer_of(index) as indexer:
            indexer.rebuild(library.index.spaces()[0])
            indexer.update()
        agreement(library, index)
        index.close()
        about.unlink()  # a kill came before the collection was complete
        with indexer_of(index) as indexer:
            indexer.update(thorough=True)
        agreement(library, index)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a shard writes to a full disk, indexing ends; it continues once there is space."""
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", vectors(3))
        indexer.update()
        embed(library, "b2:a", vectors(3, seed=1), first=3)
        usage = shutil.disk_usage(tmp_path)._replace(free=1024)
        with monkeypatch.context() as full:
            full.setattr(shutil, "disk_usage", lambda _: usage)
            with pytest.raises(DiskFull, match=r"1\.0 kB free.*all vectors are in the library"):
                indexer.update()
        agreement(library, index)
        assert library.index.count_pending() == 3
        assert indexer.update().added == 3
        agreement(library, index)


def test_names_of_indexes(tmp_path: Path) -> None:
    """The start of a name is enough; an unknown or ambiguous one is refused."""
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", vectors(1))
        embed(library, "b2:a", vectors(1), revision="b" * 40)
        indexer.update()
        first, second = library.index.spaces()
        assert library.index.space(first.name[:-2]).id == first.id
        with pytest.raises(UnknownName, match="several indexes begin with 'clip-'"):
            library.index.space("clip-")
        with pytest.raises(UnknownName, match="no index 'other'"):
            library.index.space("other")
        library.index.switch(second.id)
        current = library.index.current()
        assert current is not None and current.id == second.id
        indexer.remove(second)
        assert index.store.collections() == {first.name: DIMENSION}
        indexer.update(thorough=True)
        assert index.store.collections() == {first.name: DIMENSION}
        assert isinstance(indexer, Indexer)
