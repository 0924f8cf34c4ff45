"""Results by file: headers, folding, places and indexes, counts of judged rows."""

from __future__ import annotations

import asyncio
from typing import Any

from core.protocol.queries import ListResults
from core.protocol.replies import Page
from core.protocol.requests.review import FileRows, Files
from tui.views.grouped import GroupedRows
from tui.views.paged import PAGE_ROWS, PagedRows
from tui.widgets.rows import Row
from tui.widgets.symbols import UNICODE

COUNTS = (3, 1, 250)


class Engine:
    """Files with so many results each, and what was asked for."""

    def __init__(self, counts: tuple[int, ...] = COUNTS) -> None:
        self.rows = [
            {"scan": 7, "task": task, "key": f"{task}.{n}", "judgement": None}
            for task, count in enumerate(counts, 1)
            for n in range(count)
        ]  # fmt: skip
        self.pages: list[int] = []
        self.asked = 0

    async def fetch(self, query: Any, first: int, last: int) -> Page:
        self.pages.append(first // PAGE_ROWS)
        return Page(len(self.rows), first, tuple(dict(row) for row in self.rows[first:last]))

    async def files(self, query: ListResults) -> Files:
        self.asked += 1
        tasks = sorted({int(str(row["task"])) for row in self.rows})
        return Files(7, tuple(self._file(task) for task in tasks))

    def _file(self, task: Any) -> FileRows:
        own = [row for row in self.rows if row["task"] == task]
        judged = sum(row["judgement"] is not None for row in own)
        return FileRows(task, f"/footage/cam/{task}.mp4", f"b2:{task}", len(own), judged)

    def listed(self, query: ListResults | None = None) -> GroupedRows:
        query = query or ListResults("events", 7)
        paged = PagedRows(query, self.fetch, lambda row: Row(f"7.{row['key']}", (row["key"],)))
        return GroupedRows(paged, self.files, UNICODE, set())


async def settled(rows: GroupedRows) -> None:
    """Wait until nothing is on its way."""
    rows.count()
    for _ in range(20):
        await asyncio.sleep(0)


def titles(rows: GroupedRows, lo: int, hi: int) -> list[str]:
    found = rows.window(lo, hi)
    return ["?" if row is None else " ".join(map(str, row.cells)) for row in found]


def test_each_file_has_a_header_with_its_counts_and_folds() -> None:
    async def run() -> None:
        engine = Engine()
        rows = engine.listed()
        assert rows.count() == 0 and not rows.loaded
        await settled(rows)
        assert rows.loaded and rows.total == 254 and rows.count() == 257
        assert titles(rows, 0, 7) == [
            "cam/1.mp4 0/3", "1.0", "1.1", "1.2", "cam/2.mp4 0/1", "2.0", "cam/3.mp4 0/250",
        ]  # fmt: skip
        assert titles(rows, 2, 5) == ["1.1", "1.2", "cam/2.mp4 0/1"]
        for index in range(257):
            place = rows.place(index)
            assert (place is None) == (index in (0, 4, 6))
            assert place is None or rows.index(place) == index
        assert [rows.beside(index, 1) for index in (0, 1, 4, 6)] == [-1, 0, 2, 3]
        assert [rows.beside(index, -1) for index in (0, 1, 4, 6)] == [0, 0, 3, 4]
        assert rows.index_of("7.2") == 4 and rows.index_of("7.1.2") == 3
        assert rows.file_of("7.2") is not None and rows.file_of("7.1.2") is None
        assert rows.fold("7.1") and not rows.fold("7.1.2") and not rows.fold("7.99")
        assert rows.count() == 254
        assert titles(rows, 0, 3) == ["▸ cam/1.mp4 0/3", "cam/2.mp4 0/1", "2.0"]
        assert rows.index_of("7.1.2") is None and rows.index(2) is None
        assert rows.reveal(2) == 3 and rows.count() == 257  # a row one goes to is shown
        assert rows.record(0) is None and rows.record(1) == rows.result(0)

    asyncio.run(run())


def test_only_pages_in_view_are_fetched_however_much_is_folded() -> None:
    async def run() -> None:
        engine = Engine((2, 100_000, 2))
        rows = engine.listed()
        await settled(rows)
        rows.fold("7.2")
        assert rows.count() == 7 and titles(rows, 0, 7)[3:5] == ["▸ cam/2.mp4 0/100000",
                                                                "cam/3.mp4 0/2"]  # fmt: skip
        await settled(rows)
        assert set(engine.pages) == {0, 1000}
        assert titles(rows, 5, 7) == ["3.0", "3.1"]

    asyncio.run(run())


def test_judging_changes_the_count_of_its_file_without_asking() -> None:
    async def run() -> None:
        engine = Engine()
        rows = engine.listed()
        await settled(rows)
        titles(rows, 0, 7)
        for said, expected in (("right", "1/3"), ("wrong", "1/3"), (None, "0/3")):
            rows.patch("7.1.1", {"judgement": said})
            assert titles(rows, 0, 1) == [f"cam/1.mp4 {expected}"]
        assert engine.asked == 1
        engine.rows[0]["judgement"] = "right"
        rows.reload()
        await settled(rows)
        assert titles(rows, 0, 2) == ["cam/1.mp4 1/3", "1.0"]

    asyncio.run(run())


def test_one_file_or_another_order_needs_no_header() -> None:
    async def run() -> None:
        one = Engine((5,)).listed()
        await settled(one)
        assert one.count() == 5 and one.place(3) == 3 and not one.names_files
        engine = Engine()
        by_score = engine.listed(ListResults("events", 7, sort="score"))
        await settled(by_score)
        assert by_score.count() == 254 and by_score.names_files and engine.asked == 0
        nothing = Engine(()).listed()
        await settled(nothing)
        assert nothing.loaded and nothing.count() == 0

    asyncio.run(run())


def test_files_that_come_while_a_list_is_shown_are_counted_again() -> None:
    async def run() -> None:
        engine = Engine()
        rows = engine.listed()
        await settled(rows)
        engine.rows.append({"scan": 7, "task": 9, "key": "9.0", "judgement": None})
        rows.reload()
        await settled(rows)
        assert rows.count() == 259 and titles(rows, 257, 259)[0] == "cam/9.mp4 0/1"
        rows.close()

    asyncio.run(run())
