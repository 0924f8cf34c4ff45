"""Lists of results a page at a time: the quick way of counting finds what reading all would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from benchmarks.long_list import make_long_list
from core.errors import UsageError
from core.protocol.queries import ListResults
from core.reports import filters
from core.reports.filter_kinds import check_kinds
from core.reports.pages import page
from core.storage.conditions import Condition
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
            for number in range(1, count + 1):
                body = {
                    "number": number,
                    "start_frame": number,
                    "peak_frame": number,
                    "end_frame": number,
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
        connection.execute("DELETE FROM moments")
    scan = fill(library, counts)
    plain = RowSelection(scan, "moments")
    # A condition everything fulfils: the same rows, found the other way.
    listed = RowSelection(scan, "moments", (Condition("score", ">", (-1.0,)),))
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
    wanted = RowSelection(scan, "moments", (Condition("score", ">", (0.0,)),))
    assert len(reading.listings.keys(wanted)) == 2
    with library.database.transaction() as connection:
        connection.execute("DELETE FROM moments WHERE number = 2")
    assert len(reading.listings.keys(wanted)) == 1
    reading.close()


def describe(library: Library) -> None:
    """Give the sources of `fill` metadata, and answers about some of their frames."""
    metadata: tuple[dict[str, Any], ...] = (
        {"exif": {"DateTimeOriginal": "2019:03:05 10:00:00", "Make": "Canon", "Model": "EOS 5D",
                  "LensModel": "EF 24-70mm"},
         "gps": {"latitude": 46.21, "longitude": 7.49}},
        {"creation_time": "2019-03-05T12:00:00.000000Z", "com.apple.quicktime.make": "Nikon",
         "location": "+47.3769+008.5417/"},
        {"xmp": {"CreateDate": "2021-07-01T08:00:00", "Make": "Ricoh"},
         "creation_time": "1904-01-01T00:00:00Z"},
    )  # fmt: skip
    with library.database.transaction() as connection:
        for n, each in enumerate(metadata):
            connection.execute(
                "INSERT INTO contents (content, kind, info) VALUES (?, 'video', ?)",
                (f"b2:{n}", json.dumps({"metadata": each})),
            )
        connection.execute(
            "INSERT INTO asked VALUES (1, 'k', 'tag', ?)",
            (json.dumps({"identity": {"model": "org/tagger", "revision": "abcdef"}}),),
        )
        for number, content, frame, body in (
            (1, "b2:0", 1, {"label": "person", "score": 0.9}),
            (2, "b2:1", 1, {"tags": [{"tag": "éclair", "score": 0.4}]}),
            (3, "b2:2", 900, {"tags": [{"tag": "éclair", "score": 0.4}]}),  # of no event
        ):
            connection.execute(
                "INSERT INTO annotations VALUES (?, 1, ?, ?, '', 0.0, ?, NULL, '')",
                (number, content, frame, json.dumps(body)),
            )
            connection.execute("INSERT INTO shown VALUES (?, 'spec', ?)", (content, number))


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
        ('"colour:red"', []),
        ('"score>2"', []),  # words, whatever they look like
        ("-1.mp4 -file:0.mp4", [3, 3]),
        ("-score>=3", [1, 2]),
        ("score!=3", [1, 2, 3]),
        ("kind:motion,flash file:0.mp4", [1]),
        ("KIND:Flash file:0.mp4 is:ACCEPTED", [1]),
        ("date:2019-03-05", [1, 2]),
        ("date>=2019-03-05T11:30 date<2020", [2]),
        ("date>2018 date<=2019", [1, 2]),
        ("-date:2019", [3, 3]),
        ("date:2019-03..2021-06", [1, 2]),
        ("date:2019-03-05..2021-07-01", [1, 2, 3, 3]),
        ("date:2020..", [3, 3]),
        ("date:..2019", [1, 2]),
        ("-date:2020..2021", [1, 2]),
        ("lens:24-70", [1]),
        ("-lens:24-70 camera:ricoh", [3, 3]),
        ("camera:nikon", [2]),
        ('camera:"CANON eos"', [1]),
        ("place:46.2,7.5", [1]),
        ("place:46.2,7.5,300", [1, 2]),
        ("is:located", [1, 2]),
        ("tag:Éclair", [2]),
        ("-tag:éclair,aurora", [1, 3, 3]),
        ("label:person", [1]),
        ("model:tagger", [1, 2]),
        ("model:tagger@abc -label:person", [2]),
    ],
)
def test_a_filter_finds_what_it_says(library: Library, text: str, found: list[int]) -> None:
    scan = fill(library, [1, 1, 2])
    library.remarks.correct("b2:1", 1, "caption", "an aurora, not a flash")
    describe(library)
    wanted = RowSelection(scan, "moments", filters.parse(text).conditions)
    tasks = [task for task, _ in library.listings.keys(wanted).window(0, 10)]
    assert tasks == (found if text else [1, 2, 3, 3])


def test_a_kind_that_nothing_has_is_an_error(library: Library) -> None:
    fill(library, [1])
    for text in ("kind:motion", "kind:FLASH,cut", "-kind:quality", "score>1", '"kind:flsh"'):
        check_kinds(library, filters.parse(text).conditions)
    for text in ("kind:flsh", "-kind:flash,flsh", 'kind:"flsh"'):
        with pytest.raises(UsageError, match=r"unknown kind:flsh; known: .*did you mean 'flash'"):
            check_kinds(library, filters.parse(text).conditions)
    with pytest.raises(UsageError, match="unknown kind:zzz; known: cut, dedupe, flash"):
        check_kinds(library, filters.parse("kind:zzz").conditions)
    # One of a stage that is not installed any more is known by its results.
    with library.database.transaction() as connection:
        connection.execute("UPDATE moments SET kind = 'Glimmer'")
    check_kinds(library, filters.parse("kind:glimmer").conditions)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("score>x", "not a number"),
        ("is:makred", "did you mean 'marked'"),
        ("kind>flash", "write kind:flash"),
        ("scoer>0.5", "no condition 'scoer'; did you mean 'score'"),
        ("brightness>5", "no condition 'brightness'; known: kind, file"),
        ("knd:flash", "did you mean 'kind'"),
        ("colour:red", "no condition 'colour'; known: .*\"colour:red\""),
        ("time>00:00:08:00", "not a number; write time>83.5"),
        ("-clour=red", "no condition 'clour'"),
        ('kind:"flash', "no value"),
        ('"open', "missing closing quotation mark"),
        ("a " * 990, "too many values"),
        ("kind:" + ",".join(f"k{n}" for n in range(1000)), "too many values"),
        ("x" * 130_000, "the limit is"),
        ("\udcff", "not valid UTF-8"),
        ("score>inf", "not a number"),
        ("score>", "no value"),
        ("date>yesterday", "is not a date; write date>=2024"),
        ("date:2024-13", "is not a date"),
        ("date:..", "is not a range"),
        ("date:2019..2020..2021", "is not a range"),
        ("date:2021..2020", "ends before it begins"),
        ("date>=2019..2020", "a range is written date:FROM..TO"),
        ("place:Bern", "write place:LATITUDE,LONGITUDE"),
        ("place:91,0", "is not a place"),
        ("tag>storm", "write tag:storm"),
        ("--kind:flash", "one '-' excludes; write -kind:flash"),
        ("---score>1", "write -score>1"),
    ],
)
def test_a_filter_that_is_none_says_so(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        filters.parse(text)


def test_frames_are_found_by_what_was_said_of_them(library: Library) -> None:
    scan = fill(library, [1, 1, 2])
    describe(library)
    library.remarks.correct("b2:2", 900, "tags", "storm, Night sky")
    for text, found in {
        "score>0.5": [1],
        "score<0.5": [2, 3],
        "tag:éclair -person": [2, 3],
        '"éclair" "org/tagger"': [],  # a model's name is no word of the answer
        'tag:"night sky"': [3],
        "label:person camera:canon": [1],
        "strokes>0": [],
        "kind:flash": [],
    }.items():
        wanted = RowSelection(scan, "frames", filters.parse(text).conditions)
        assert [task for task, _ in library.listings.keys(wanted).window(0, 10)] == found, text


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
