"""Judgements: kept by content, kind and peak, found again in every scan of the content."""

from __future__ import annotations

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import UnknownName, UsageError
from core.protocol.queries import ListResults
from core.records import Candidate, Event, SourceInfo
from core.reports import filters
from core.reports.pages import page
from core.storage import database
from core.storage.judged_rows import LISTS
from core.storage.library import Library
from core.storage.listings import RowSelection
from core.storage.runs import TaskRow
from core.stores.results import Result
from tests.workbench import Cli

ROOT = Path(__file__).parents[2]
FIXTURE = Path(__file__).parent / "fixtures" / "before_judgements.db.gz"
CONTENT = "b2:e9229a3394c5731f9f6236df07c518ba"
RATE = 25.0
Span = tuple[float, float, float]
"""start, peak and end in seconds"""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    found = Library(tmp_path / "library")
    yield found
    found.close()


def frame(seconds: float) -> int:
    return round(seconds * RATE)


def candidate(
    span: Span, *, accepted: bool = True, kind: str = "flash", score: float = 0.7
) -> Candidate:
    start, peak, end = span
    return Candidate(kind, kind, frame(start), frame(peak), frame(end), start, peak, end, score,
                     0.5, accepted)  # fmt: skip


def event(number: int, span: Span, kind: str = "flash", score: float = 0.7) -> Event:
    start, peak, end = span
    return Event(number, kind, frame(start), frame(peak), frame(end), start, peak, end, start, end,
                 score, 1)  # fmt: skip


def keep(
    library: Library, spec_hash: str, events: Sequence[Event], candidates: Sequence[Candidate] = (),
    content: str = "b2:0", merge: float = 0.25,
) -> int:  # fmt: skip
    """Keep the result of a scan over one video, as a scan does; return the scan's number."""
    info = SourceInfo(f"/footage/{content}.mp4", "video", content, 1, 64, 48, "mp4", "h264")
    task = TaskRow(0, 1, info.path, "video", content, "done", "", 10, len(events), 1.0)
    spec = {"events": {"merge_seconds": merge}}
    scan = library.runs.create("storm", spec, spec_hash, {"paths": []}, [task])
    library.results.remember([(info, 1)])
    made = tuple(candidates) or tuple(
        candidate((e.start_seconds, e.peak_seconds, e.end_seconds), kind=e.kind, score=e.score)
        for e in events
    )
    library.results.keep([Result(content, spec_hash, 10, "", (), {}, {}, made, tuple(events))])
    return scan


def said(library: Library, spec_hash: str, which: Any = "moments") -> dict[int, str]:
    """Return the judgements in the result of a spec, by number."""
    return library.judgements.of_results(["b2:0"], spec_hash).get(("b2:0", which), {})


def test_a_judgement_is_replaced_and_taken_back(library: Library) -> None:
    keep(library, "a", [event(1, (1.0, 1.0, 1.2)), event(2, (3.0, 3.0, 3.0))])
    library.judgements.judge("b2:0", "flash", 25, "right")
    library.judgements.judge("b2:0", "flash", 75, "wrong")
    assert said(library, "a") == {1: "right", 2: "wrong"}
    assert said(library, "a", "candidates") == {0: "right", 1: "wrong"}
    library.judgements.judge("b2:0", "flash", 25, "unsure")
    assert said(library, "a") == {1: "unsure", 2: "wrong"}
    library.judgements.judge("b2:0", "flash", 25, "")
    assert said(library, "a") == {2: "wrong"}
    (kept,) = library.judgements.of_content("b2:0")
    assert (kept.kind, kept.frame, kept.seconds, kept.judgement) == ("flash", 75, 3.0, "wrong")
    library.judgements.judge("b2:0", "flash", 25, "")  # nothing is there to be taken back


def test_what_is_not_there_cannot_be_judged(library: Library) -> None:
    keep(library, "a", [event(1, (1.0, 1.0, 1.2))])
    for content, kind, at, words in (
        ("b2:none", "flash", 25, "no content b2:none"),
        ("b2:0", "flash", 26, "no flash event or candidate peaks at frame 26"),
        ("b2:0", "cut", 25, "no cut event or candidate"),
    ):
        with pytest.raises(UnknownName, match=words):
            library.judgements.judge(content, kind, at, "right")
    with pytest.raises(UsageError, match="known: right, wrong, unsure"):
        library.judgements.judge("b2:0", "flash", 25, "maybe")
    assert library.judgements.of_content("b2:0") == []


# What was judged in a scan with events at 1.0-1.2 and 3.0, as a later scan of other settings shows
LATER: tuple[tuple[str, list[Event], float, dict[int, str]], ...] = (
    ("a peak that moved", [event(1, (1.0, 1.12, 1.2))], 0.25, {1: "right"}),
    ("within the merge time", [event(1, (1.24, 1.3, 1.4))], 0.25, {1: "right"}),
    ("beyond the merge time", [event(1, (1.26, 1.3, 1.4))], 0.25, {}),
    ("another merge time", [event(1, (1.4, 1.4, 1.4))], 0.5, {1: "right"}),
    ("of two the nearest", [event(1, (0.8, 0.9, 0.9)), event(2, (1.04, 1.04, 1.2))], 0.25,
     {2: "right"}),
    ("one for both", [event(1, (1.0, 2.9, 3.0))], 0.25, {1: "wrong"}),
    ("another kind", [event(1, (1.0, 1.0, 1.2), "cut")], 0.25, {}),
)  # fmt: skip


@pytest.mark.parametrize("first", [True, False], ids=["judged-before", "judged-after"])
def test_a_judgement_is_found_in_other_scans_of_the_content(library: Library, first: bool) -> None:
    """Whichever came first: the scan is matched when it is kept, and when something is judged."""
    judged = [event(1, (1.0, 1.0, 1.2)), event(2, (3.0, 3.0, 3.0))]
    keep(library, "a", judged)
    for at, judgement in ((25, "right"), (75, "wrong")):
        library.judgements.judge("b2:0", "flash", at, judgement)
    for place, (name, events, merge, found) in enumerate(LATER):
        keep(library, f"later{place}", events, merge=merge)
        if not first:
            for at, judgement in ((25, "right"), (75, "wrong")):
                library.judgements.judge("b2:0", "flash", at, "")
                library.judgements.judge("b2:0", "flash", at, judgement)
        assert said(library, f"later{place}") == found, name
    assert said(library, "a") == {1: "right", 2: "wrong"}


def test_a_rejected_candidate_keeps_what_was_said_of_it_from_the_event_beside_it(
    library: Library,
) -> None:
    found = [candidate((1.0, 1.0, 1.2)), candidate((1.32, 1.32, 1.32), accepted=False)]
    keep(library, "a", [event(1, (1.0, 1.0, 1.2))], found)
    library.judgements.judge("b2:0", "flash", frame(1.32), "wrong")
    assert said(library, "a") == {}
    assert said(library, "a", "candidates") == {1: "wrong"}
    # A scan that is more sensitive takes both for one event: its peak is the only one there.
    keep(library, "b", [event(1, (1.0, 1.0, 1.32))], [candidate((1.0, 1.0, 1.32))])
    assert said(library, "b") == {1: "wrong"}
    library.judgements.judge("b2:0", "flash", 25, "right")
    assert said(library, "b") == said(library, "a") == {1: "right"}
    assert said(library, "a", "candidates") == {0: "right"}


def test_judging_what_shows_an_older_judgement_replaces_that(library: Library) -> None:
    keep(library, "a", [event(1, (1.0, 1.0, 1.2))])
    library.judgements.judge("b2:0", "flash", 25, "right")
    keep(library, "b", [event(1, (1.0, 1.12, 1.2))])
    library.judgements.judge("b2:0", "flash", 28, "wrong")
    assert said(library, "a") == said(library, "b") == {1: "wrong"}
    library.judgements.judge("b2:0", "flash", 25, "")
    assert library.judgements.of_content("b2:0") == []


def test_judgements_outlive_scans(library: Library) -> None:
    scan = keep(library, "a", [event(1, (1.0, 1.0, 1.2))])
    library.judgements.judge("b2:0", "flash", 25, "right")
    library.runs.remove(scan)
    library.results.prune()
    assert said(library, "a") == {}
    assert len(library.judgements.of_content("b2:0")) == 1
    keep(library, "c", [event(1, (0.9, 1.04, 1.2))])
    assert said(library, "c") == {1: "right"}


SPANS = some.lists(
    some.tuples(some.integers(0, 40), some.integers(0, 4), some.integers(0, 4), some.booleans()),
    max_size=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(one=SPANS, other=SPANS, steps=some.lists(some.tuples(
    some.integers(0, 5), some.sampled_from(["right", "wrong", ""])), max_size=8))  # fmt: skip
def test_step_by_step_and_all_at_once_come_to_the_same(
    library: Library, one: list[Any], other: list[Any], steps: list[tuple[int, str]]
) -> None:
    """The rows that a judgement reaches are the only ones it changes."""
    with library.database.transaction() as connection:
        for table in ("scans", "result_rows", "judgements", "judged"):
            connection.execute(f"DELETE FROM {table}")
    for spec_hash, spans in (("a", one), ("b", other)):
        found = [
            candidate((s / 10, (s + p) / 10, (s + p + e) / 10), accepted=accepted)
            for s, p, e, accepted in spans
        ]
        events = [
            event(n, (c.start_seconds, c.peak_seconds, c.end_seconds))
            for n, c in enumerate((c for c in found if c.accepted), 1)
        ]
        keep(library, spec_hash, events, found)
    for place, judgement in steps:
        if place < len(one):
            at = candidate((0, (one[place][0] + one[place][1]) / 10, 9)).peak_frame
            library.judgements.judge("b2:0", "flash", at, judgement)
    stepwise = {(s, w): said(library, s, w) for s in "ab" for w in LISTS}
    with library.database.transaction() as connection:
        for spec_hash in "ab":
            library.judgements._rows.match(connection, "b2:0", spec_hash, "flash")
    assert {(s, w): said(library, s, w) for s in "ab" for w in LISTS} == stepwise


def listed(library: Library, scan: int, text: str, what: Any = "moments") -> list[tuple[int, int]]:
    wanted = RowSelection(scan, what, filters.parse(text).conditions)
    keys = library.listings.keys(wanted)
    assert len(keys.window(0, 100)) == len(keys)
    return keys.window(0, 100)


def test_filters_find_what_was_judged(library: Library, tmp_path: Path) -> None:
    events = [event(n, (n * 2.0,) * 3, score=n / 10) for n in range(1, 6)]
    scan = keep(library, "a", events)
    for number, judgement in ((1, "right"), (2, "wrong"), (4, "unsure"), (5, "right")):
        library.judgements.judge("b2:0", "flash", frame(number * 2.0), judgement)
    library.remarks.mark("b2:0", frame(4.0), on=True)
    for text, found in {
        "is:right": [1, 5], "is:wrong": [2], "is:unsure": [4], "is:unjudged": [3],
        "is:judged": [1, 2, 4, 5], "-is:right": [2, 3, 4], "-is:unjudged": [1, 2, 4, 5],
        "is:right score>0.2": [5], "score>0.2 -is:judged": [3], "is:right is:wrong": [],
        "-is:right -is:wrong": [3, 4], "is:unmarked": [1, 3, 4, 5], "-is:unmarked": [2],
        "is:RIGHT -is:marked": [1, 5], "is!=right": [2, 3, 4],
    }.items():  # fmt: skip
        assert [number for _, number in listed(library, scan, text)] == found, text
        assert [n + 1 for _, n in listed(library, scan, text, "candidates")] == found, text
        assert listed(library, scan, text, "frames") == []
    with closing(Library(tmp_path / "library", writable=False)) as reading:
        for cut_offs, kept in {
            (("flash", 0.3),): [0.3, 0.4, 0.5], (("cut", 0.3),): [0.1, 0.2, 0.3, 0.4, 0.5],
            (("flash", 0.31), ("cut", 0.1)): [0.4, 0.5], (): [0.1, 0.2, 0.3, 0.4, 0.5],
        }.items():  # fmt: skip
            for what in ("events", "candidates"):
                above = ListResults(what, scan, cut_offs=cut_offs)
                scores = [row["score"] for row in page(reading, above, 0, 9, []).rows]
                assert scores == pytest.approx(kept), (what, cut_offs)
        query = ListResults("events", scan, "is:right", "score", descending=True)
        shown = page(reading, query, 0, 9, [])
        assert [row["judgement"] for row in shown.rows] == ["right", "right"]
        assert [row["score"] for row in shown.rows] == [0.5, 0.1]
        library.judgements.judge("b2:0", "flash", frame(2.0), "wrong")
        assert page(reading, query, 0, 9, []).total == 1
        assert page(reading, ListResults("events", scan, "is:unjudged"), 0, 9, []).total == 1
        rows = page(reading, ListResults("candidates", scan), 0, 9, []).rows
        assert [row["judgement"] for row in rows] == ["wrong", "wrong", None, "unsure", "right"]


def test_a_judgement_does_not_make_long_lists_be_read_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = keep(library, "a", [event(n, (n * 2.0,) * 3, score=n / 10) for n in range(1, 6)])
    with closing(Library(tmp_path / "library", writable=False)) as reading:
        listings = reading.listings
        sorted_ = RowSelection(scan, "moments", sort="score", descending=True)
        left = RowSelection(scan, "moments", filters.parse("is:unjudged").conditions, "score",
                            descending=True)  # fmt: skip
        before = listings.keys(sorted_)
        assert len(listings.keys(left)) == 5
        library.judgements.judge("b2:0", "flash", 50, "right")
        assert listings.keys(sorted_) is before
        assert [n for _, n in listings.keys(left).window(0, 9)] == [5, 4, 3, 2]
        library.remarks.mark("b2:0", 50, on=True)
        assert listings.keys(sorted_) is not before


@pytest.fixture
def layout_8(cli: Cli) -> Cli:
    cli.library.mkdir(parents=True)
    (cli.library / "library.db").write_bytes(gzip.decompress(FIXTURE.read_bytes()))
    return cli


def test_a_library_of_layout_8_can_be_judged(layout_8: Cli) -> None:
    with closing(Library(layout_8.library)) as library:
        library.judgements.judge(CONTENT, "flash", 34, "right")
        for spec_hash in ("44cde3d3bb36d2c0852f5c0179493b1d", "930e8dfa9607e0529f26e3514f837868"):
            found = library.judgements.of_results([CONTENT], spec_hash)
            assert found == {
                (CONTENT, "moments"): {1: "right"},
                (CONTENT, "candidates"): {0: "right"},
            }
    rows = layout_8.here("results", "2", "--filter", "is:right", "--json").json()
    assert [(row["frame"], row["judgement"]) for row in rows] == [(34, "right")]


def test_a_migration_to_judgements_that_is_killed_leaves_layout_8(layout_8: Cli) -> None:
    """Killed when all its tables are there, before its transaction ends."""
    path = layout_8.library / "library.db"
    killed = (
        "import os, signal, sys; from pathlib import Path\n"
        "from core.storage import judgement_migration as migration; made = migration.migrate\n"
        "from core.storage import database; from core.storage.library import Library\n"
        "def breaks(connection): made(connection); os.kill(os.getpid(), signal.SIGKILL)\n"
        "database.MIGRATIONS = (*database.MIGRATIONS[:8], breaks); Library(Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", killed, os.fspath(layout_8.library)], cwd=ROOT,
                          capture_output=True, check=False)  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (8,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(layout_8.here("results", "1", "--json").json()) == 5
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (database.SCHEMA_VERSION,)


def test_a_killed_judgement_leaves_nothing_half(layout_8: Cli) -> None:
    """Killed once the former judgement is removed, and before the new one is matched."""
    judge = (
        "import os, signal, sys; from pathlib import Path\n"
        "from core.storage import judged_rows; from core.storage.library import Library\n"
        "library = Library(Path(sys.argv[1])); judge = library.judgements.judge\n"
        f"judge('{CONTENT}', 'flash', 34, 'right')\n"
        "judged_rows._write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"judge('{CONTENT}', 'flash', 34, 'wrong')\n"
    )
    done = subprocess.run([sys.executable, "-c", judge, os.fspath(layout_8.library)], cwd=ROOT,
                          capture_output=True, check=False)  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    with closing(Library(layout_8.library)) as library:
        (kept,) = library.judgements.of_content(CONTENT)
        assert kept.judgement == "right"
        rows = page(library, ListResults(scan=1), 0, 9, []).rows
        assert [row["judgement"] for row in rows] == ["right", None, None, None, None]


def test_a_library_that_cannot_be_written_is_read_with_its_judgements(
    layout_8: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.storage import library as library_module

    monkeypatch.setattr(library_module, "_bring_up_to_date", lambda _folder: None)
    with closing(Library(layout_8.library, writable=False)) as library:
        assert listed(library, 1, "is:unjudged") == [(1, n) for n in range(1, 6)]
        assert listed(library, 1, "is:judged") == []
    with closing(sqlite3.connect(layout_8.library / "library.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (8,)
