"""What exports of many pictures read and write in a shorter way is what the long way gives."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.storage.export.arrays import archive
from core.storage.export.names import stems
from core.storage.export.table import FORMATS, SourceWriter, write_scan
from core.storage.library import Library
from tests.storage.test_export import HOSTILE, STEMS, document, summary
from tests.workbench import Cli


def test_formats_that_want_no_candidates_write_the_same_without(tmp_path: Path) -> None:
    given = document()
    for name, each in FORMATS.items():
        both: list[dict[str, bytes]] = []
        for made in (given, replace(given, candidates=())):
            folder = tmp_path / f"{name}{len(both)}-{len(made.candidates)}"
            SourceWriter(folder, [name]).write(made, STEMS)
            write_scan(summary(HOSTILE), [made], folder, [name])
            files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
            both.append(files)
        assert (both[0] == both[1]) != each.candidates, name


def test_first_values_are_found_by_result_whichever_way_its_series_are_kept(
    scanned: Cli, tmp_path: Path
) -> None:
    shutil.copytree(scanned.library, tmp_path / "library")
    with closing(Library(tmp_path / "library")) as library:
        spec_hash = library.runs.get(1).spec_hash
        contents = [str(task.content) for task in library.runs.tasks(1) if task.content]
        results = library.results.of_contents(contents, spec_hash)
        by_key = {
            content: library.series.whole(result.tracks["dedupe"], 4).values[0].tolist()
            for content, result in results.items()
        }

        def found() -> dict[str, list[float]]:
            values = library.series.first_rows(contents, spec_hash, "dedupe")
            return {content: row.tolist() for content, row in values.items()}

        assert len(by_key) == 9 and found() == by_key
        assert library.series.first_rows(contents, spec_hash, "no such stage") == {}
        # As results are kept of which one stage alone has no number.
        named = [(json.dumps(dict(result.tracks)), c) for c, result in results.items()]
        with closing(sqlite3.connect(tmp_path / "library" / "library.db")) as connection:
            connection.executemany(
                "UPDATE result_rows SET tracks = ? "
                "WHERE content = (SELECT id FROM contents WHERE content = ?)",
                named,
            )
            connection.commit()
        assert found() == by_key
        again = library.results.of_contents(contents, spec_hash)
        assert again == results
        bare = library.results.of_contents(contents, spec_hash, candidates=False)
        assert bare == {c: replace(result, candidates=()) for c, result in results.items()}
        assert any(result.candidates for result in results.values())


def test_small_and_large_arrays_are_written_as_numpy_does() -> None:
    arrays = {
        "text": np.array("ViT-B/32", np.str_),
        "texts": np.array(["a", "longer"]),
        "none": np.zeros((0, 4), np.float32),
        "row": np.array([[1.5, np.nan]], "<f4"),
        "turned": np.arange(12, dtype=np.int64).reshape(3, 4).T,
        "large": np.arange(5000, dtype=np.float64),
        "big endian": np.arange(3, dtype=">i4"),
    }
    for _ in range(2):  # the second time with heads that are known
        with np.load(io.BytesIO(archive(arrays.items())), allow_pickle=False) as loaded:
            for name, array in arrays.items():
                own = io.BytesIO()
                np.lib.format.write_array(own, array, allow_pickle=False)
                assert loaded.zip.read(f"{name}.npy") == own.getvalue(), name


def test_names_of_pictures_are_the_same_beside_a_video() -> None:
    paths = ["/a/x.jpg", "/b/X.JPG", "/c/x.jpg", "/c/é.png", "/d/e\N{COMBINING ACUTE ACCENT}.png"]
    alone = stems([(path, "picture") for path in paths])
    beside = stems([("/z/film.mp4", "video"), *((path, "picture") for path in paths)])
    assert {path: beside[path] for path in paths} == alone
    assert [alone[path].plain for path in paths[:3]] == ["x.jpg", "X.JPG~2", "x.jpg~3"]
