"""Lists of results a page at a time: the quick way of counting finds what reading all would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from benchmarks.long_list import make_long_list
from core.errors import UsageError
from core.protocol.queries import ListResults
from core.reports import filters
from core.reports.pages import page
from core.storage.library import Library
from core.storage.listings import RowSelection
from core.storage.runs import TaskRow
from tests.workbench import InProcess

COUNTS = some.lists(some.integers(0, 5), min_size=1, max_size=12)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    found = Library(tmp_path)
    yield found
    found.close()


def fill(library: Library, counts: list[int]) -> int:
    """Make a scan whose sources have so many moments each; return its number."""
    tasks = [
        TaskRow(0, n + 1, f"/footage/{n}.mp4", "video", f"b2:{n}", "done", "", 10, count, 1.0)
        for n, count in enumerate(counts)
    ]
    scan = library.runs.create("storm", {}, "spec", {"paths": []}, tasks)
    with library.database.transaction() as connection:
        for n, count in enumerate(counts):
            connection.execute(
                "INSERT OR REPLACE INTO results VALUES (?, 'spec', 10, '', '[]', '{}', '{}')",
                (f"b2:{n}",),
            )
            for number in range(1, count + 1):
                body = {
                    "number": number,
                    "peak_frame": number,
                    "kind": "flash",
                    "score": n + number,
                }
                connection.execute(
                    "INSERT OR REPLACE INTO moments VALUES (?, 'spec', ?, 'flash', ?, ?, ?)",
                    (f"b2:{n}", number, float(number), float(n + number), json.dumps(body)),
                )
    return scan


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(counts=COUNTS, first=some.integers(0, 20), length=some.integers(0, 20))
def test_counting_finds_the_same_rows_as_reading_them_all(
    library: Library, counts: list[int], first: int, length: int
) -> None:
    with library.database.transaction() as connection:
        connection.execute("DELETE FROM scans")
        connection.execute("DELETE FROM results")
    scan = fill(library, counts)
    plain = RowSelection(scan, "moments")
    # A condition everything fulfils: the same rows, found the other way.
    listed = RowSelection(scan, "moments", scores=((">", -1.0),))
    every = [(n + 1, m) for n, count in enumerate(counts) for m in range(1, count + 1)]
    for wanted in (plain, listed):
        keys = library.listings.keys(wanted)
        assert len(keys) == len(every)
        assert keys.window(first, first + length) == every[first : first + length]
    rows = library.listings.rows(plain, library.listings.keys(plain).window(0, 100))
    assert [(row["task"], row["number"]) for row in rows] == every


def test_a_list_that_was_kept_is_forgotten_when_the_library_changes(
    library: Library, tmp_path: Path
) -> None:
    scan = fill(library, [2])
    reading = Library(tmp_path, writable=False)
    wanted = RowSelection(scan, "moments", scores=((">", 0.0),))
    assert len(reading.listings.keys(wanted)) == 2
    with library.database.transaction() as connection:
        connection.execute("DELETE FROM moments WHERE number = 2")
    assert len(reading.listings.keys(wanted)) == 1
    reading.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("1.mp4", [2]),
        ("score>=4", [3]),
        ("score>2 score<4", [3]),
        ("kind:motion", []),
        ("file:2.mp4 score=3", [3]),
        ("50%", []),
        ("_", []),
        ("FLASH", [1, 2, 3, 3]),
        ("aurora", [2]),
        ("colour:red", []),  # a word as any other
    ],
)
def test_what_is_typed_is_what_is_meant(library: Library, text: str, found: list[int]) -> None:
    scan = fill(library, [1, 1, 2])
    library.remarks.correct("b2:1", 1, "caption", "an aurora, not a flash")
    asked = filters.parse(text)
    wanted = RowSelection(
        scan, "moments", tuple(asked.words), tuple(asked.kinds), tuple(asked.files),
        tuple(asked.scores), "marked" in asked.flags, asked.accepted,
    )  # fmt: skip
    tasks = [task for task, _ in library.listings.keys(wanted).window(0, 10)]
    assert tasks == (found if text else [1, 2, 3, 3])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("score>x", "not a number"),
        ("is:makred", "did you mean 'marked'"),
        ("kind>flash", "write kind:flash"),
        ("scoer>0.5", "no condition 'scoer'; did you mean 'score'"),
        ("brightness>5", "no condition 'brightness'; known: score, energy"),
        ("knd:flash", "did you mean 'kind'"),
    ],
)
def test_a_filter_that_is_none_says_so(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        filters.parse(text)


def test_the_long_list_of_the_benchmark_fits_the_library_of_today(
    scanned: InProcess, tmp_path: Path
) -> None:
    shutil.copytree(scanned.library, tmp_path / "library")
    make_long_list(tmp_path / "library", sources=3, each=5)
    library = Library(tmp_path / "library", writable=False)
    try:
        listed = page(library, ListResults(scan=1), 0, 20, [])
    finally:
        library.close()
    assert listed.total == len(listed.rows) == 15
