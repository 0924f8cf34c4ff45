"""The queue as rows: which scans are listed with their sources, and what their rows say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.protocol.queries import ListQueue
from core.reports.pages import page
from core.reports.queue_rows import common_folder
from core.storage.library import Library
from core.storage.runs import TaskRow
from core.storage.scan_sums import ScanSum
from tests.workbench import InProcess


def task(number: int, path: str, state: str, reason: str = "", events: int = 0) -> TaskRow:
    return TaskRow(0, number, path, "video", None, state, reason, 10, events, 2.0)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Scan 1 is done, 2 was cut short, 3 runs and 4 waits."""
    made = Library(tmp_path / "library")
    done = [task(1, "/films/ne/a.mp4", "done", events=3), task(2, "/films/sw/b.mp4", "failed", "x")]
    for number, tasks in enumerate((done, [task(1, "/c.mp4", "queued")] * 1, done, done), 1):
        scan = made.runs.create("storm", {}, "hash", {"paths": []}, tasks)
        made.runs.set_state(scan, {1: "done", 2: "interrupted"}.get(number, "running"))
    yield made
    made.close()


def rows(
    library: Library, query: ListQueue, active: Sequence[int] = (4, 3), first: int = 0,
    last: int = 100,
) -> list[str]:  # fmt: skip
    """Return rows as `scan.number`."""
    found = page(library, query, first, last, active)
    assert len(found.rows) == min(last, found.total) - first
    return [f"{row['scan']}.{row['number']}" for row in found.rows]


def test_what_runs_waits_or_was_cut_short_is_unfolded(library: Library) -> None:
    every = ["4.-1", "4.1", "4.2", "3.-1", "3.1", "3.2", "2.-1", "2.1", "1.-1"]
    assert rows(library, ListQueue()) == every
    for first in range(len(every)):  # whatever page is asked for
        for last in range(first + 1, len(every) + 1):
            assert rows(library, ListQueue(), first=first, last=last) == every[first:last]
    assert rows(library, ListQueue(folded=(4, 2), unfolded=(1,)))[0:2] == ["4.-1", "3.-1"]
    assert rows(library, ListQueue(unfolded=(1,)))[-2:] == ["1.1", "1.2"]


def test_a_filter_unfolds_the_scans_with_sources_that_have_its_words(library: Library) -> None:
    assert rows(library, ListQueue("b.mp4")) == ["4.-1", "4.2", "3.-1", "3.2", "1.-1", "1.2"]
    assert rows(library, ListQueue("c.mp4")) == ["2.-1", "2.1"]
    assert rows(library, ListQueue("b.mp4", folded=(3,)))[2:4] == ["3.-1", "1.-1"]
    assert rows(library, ListQueue("no such file")) == []


def test_the_row_of_a_scan_sums_its_sources_up(library: Library) -> None:
    row: dict[str, Any] = page(library, ListQueue(), 8, 9, (4, 3)).rows[0]
    assert row | {"seconds": 4.0} == row
    assert (row["state"], row["sources"], row["done"], row["failed"]) == ("done", 2, 1, 1)
    assert (row["moments"], row["path"], row["folded"]) == (3, "/films", True)
    assert row["reason"] == "x"


def test_the_common_folder_is_that_of_whole_names() -> None:
    def folder(first: str, last: str) -> str:
        return common_folder(ScanSum(first_path=first, last_path=last))

    assert folder("/a/cam/1.mp4", "/a/cam/2.mp4") == "/a/cam"
    assert folder("/a/cam/1.mp4", "/a/camera/1.mp4") == "/a"
    assert folder("/a/x.mp4", "/a/x.mp4") == "/a"
    assert folder("/a/x.mp4", "/b/x.mp4") == "/"


def test_a_finished_video_is_listed_with_where_its_events_are(scanned: InProcess) -> None:
    with closing(Library(scanned.library, writable=False)) as library:
        listed = page(library, ListQueue(unfolded=(1,)), 0, 100, ()).rows
        video = next(row for row in listed if row["kind"] == "video")
        info = library.results.info(video["content"], video["path"])
        spec_hash = library.runs.get(1).spec_hash
        found = library.event_scores.peaks(video["content"], spec_hash)
    assert info.duration_seconds and video["moments"] > 1
    peaks = [each.seconds / info.duration_seconds for each in found if each.accepted]
    assert len(video["marks"]) == video["moments"] == len(peaks)
    assert all(
        abs(share - peak) <= 0.5 / 128 + 1e-4
        for (share, _), peak in zip(video["marks"], sorted(peaks), strict=True)
    )
    assert all("marks" not in row for row in listed if row["kind"] != "video")
