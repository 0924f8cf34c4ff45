"""An index as a file: written whole, read into another library, refused if it is not sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import IndexFault, UsageError
from core.search.stores.protocol import Query
from core.search.transfer import export_index, import_index, read_index
from tests.search.library import add_source, agreement, embed, indexer_of, opened, vectors


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of an index of two sources."""
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("QDRANT_URL", raising=False)
    file = tmp_path / "index.npz"
    with opened(tmp_path / "one") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/films/a.mp4", "b2:a")
        add_source(library, "/films/\udcff.mp4", "b2:b")
        embed(library, "b2:a", vectors(5))
        embed(library, "b2:b", vectors(3, seed=1), dtype="bfloat16")
        indexer.update()
        assert export_index(library, library.index.spaces()[0], file) == 8
    assert [each.name for each in tmp_path.glob("*.part")] == []
    return file


def test_another_library_finds_the_same(exported: Path, tmp_path: Path) -> None:
    """Vectors, names and identities arrive; a path that means another file here is kept."""
    with opened(tmp_path / "two") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/films/a.mp4", "b2:other")
        for _ in range(2):  # a second import changes nothing
            assert import_index(library, read_index(exported), lambda: None) == 8
            indexer.update()
            agreement(library, index)
        (space,) = library.index.spaces()
        assert library.index.count(space.id) == 8
        hit = index.store.query(space.name, Query(vectors(5)[3]))[0]
        assert (hit.payload["content"], hit.payload["frame"]) == ("b2:a", 3)
        assert hit.payload["path"] == ["/films/a.mp4 (imported)"]
        assert library.index_facts.of(["b2:other"])["b2:other"].paths[0][0] == "/films/a.mp4"
        identities = [identity["dtype"] for identity, _ in library.index.asked().values()]
        assert sorted(identities) == ["bfloat16", "float32"]


def test_files_that_are_none(exported: Path, tmp_path: Path) -> None:
    """Missing, of another kind, newer, damaged: one line each."""
    with np.load(exported) as archive:
        sound: dict[str, Any] = {name: archive[name] for name in archive.files}
    about = json.loads(sound["about"].tobytes())

    def written(**changed: Any) -> Path:
        path = tmp_path / "changed.npz"
        np.savez(path, **{**sound, **changed})
        return path

    def described(**changed: Any) -> Path:
        text = json.dumps({**about, **changed}).encode()
        return written(about=np.frombuffer(text, np.uint8))

    (tmp_path / "text").write_text("no archive")
    assert len(read_index(written())) == 8
    cases: list[tuple[Path, type[Exception], str]] = [
        (tmp_path / "none", UsageError, "no such file"),
        (tmp_path / "text", UsageError, "is no index"),
        (written(about=np.zeros(3, np.uint8)), UsageError, "is no index"),
    ]
    for path, kind, words in cases:
        with pytest.raises(kind, match=words):
            read_index(path)
    with pytest.raises(UsageError, match="is no index"):
        read_index(written(vectors=np.array([{"a": 1}], object)))
    with pytest.raises(UsageError, match="is no index"):  # nested too deeply
        read_index(written(about=np.full(100_000, ord("["), np.uint8)))
    with pytest.raises(IndexFault, match=r"newer sightline.*format 9"):
        read_index(described(format=9))
    wrong: list[tuple[bool, dict[str, Any], str]] = [
        (True, {"parts": []}, "different lengths"),
        (True, {"parts": [1] * 8}, "parts are no text"),
        (True, {"space": {}}, "incomplete"),
        (True, {"contents": []}, "'contents' leads to nothing"),
        (False, {"frames": sound["frames"].astype("f8")}, "'frames' is not"),
        (False, {"vectors": sound["vectors"][:, :4]}, "different lengths"),
        (False, {"asked": sound["asked"] - 5}, "'asked' leads to nothing"),
        (False, {"seconds": sound["seconds"] * np.nan}, "not all of its vectors and times"),
        (False, {"vectors": sound["vectors"] * np.inf}, "not all of its vectors and times"),
    ]
    for is_description, changed, words in wrong:
        with pytest.raises(UsageError, match=words):
            read_index(described(**changed) if is_description else written(**changed))
