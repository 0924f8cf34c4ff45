"""Results of every scan: the picker, counts over all of them, and marks of another viewer."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest

from core.errors import UsageError
from core.protocol.commands import MarkFrame
from core.protocol.queries import ALL_SCANS, ListResults, ListScans, What
from core.protocol.requests.review import GetHistogram
from core.reports.distribution import histogram
from core.reports.judged_score import judged_score
from core.reports.pages import page
from core.service.discovery import running
from core.service.remote import RemoteClient
from core.storage.library import Library
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES, Cli


@pytest.fixture
def twice(own: Path, storm: Path) -> Path:
    """The library with results, in which a second scan has the first stroke only."""
    limits = ("--set", "sampling.max_frames=60", "--set", "events.min_seconds=0")
    assert Cli(own.parent)("scan", storm, "--profile", "quick", *limits, "--no-ui").code == 0
    return own


def rows_of(library: Library, **asked: Any) -> list[tuple[int, int]]:
    found = page(library, ListResults(scan=ALL_SCANS, **asked), 0, 1000, ())
    assert found.total == len(found.rows)
    return [(row["scan"], row["frame"]) for row in found.rows]


def test_every_scan_s_rows_are_the_newest_first_and_sorted_over_all(twice: Path) -> None:
    with closing(Library(twice, writable=False)) as library:
        alone = {scan: page(library, ListResults(scan=scan), 0, 1000, ()).rows for scan in (1, 2)}
        assert len(alone[1]) == STROKES and 0 < len(alone[2]) < STROKES
        every = [(row["scan"], row["frame"]) for scan in (2, 1) for row in alone[scan]]
        assert rows_of(library) == every
        parts = [
            page(library, ListResults(scan=ALL_SCANS), n, n + 1, ()) for n in range(len(every))
        ]
        assert [(p.rows[0]["scan"], p.rows[0]["frame"]) for p in parts] == every
        assert {p.rows[0]["key"] for p in parts} <= {
            row["key"] for s in alone.values() for row in s
        }
        by_time = rows_of(library, sort="time")
        assert [frame for _, frame in by_time] == sorted(frame for _, frame in every)
        assert by_time[0][0] == 2, "of the same time, the newest first"
        assert rows_of(library, sort="time", descending=True)[-1][1] == by_time[0][1]
        for what in get_args(What)[1:]:
            several = rows_of(library, what=what)
            assert len(several) == sum(
                page(library, ListResults(what, scan), 0, 1000, ()).total for scan in (1, 2)
            )
        assert rows_of(library, text="file:nothing") == []
        with pytest.raises(UsageError, match="one scan"):
            rows_of(library, text="is:duplicate")


def test_judgements_count_over_all_scans(twice: Path) -> None:
    cli = Cli(twice.parent)
    (first, *_) = [json.loads(r) for r in cli("results", "1", "--json").out.splitlines()]
    at = f"{first['path']}@{first['seconds']}"
    assert cli("judge", at, "right", "--kind", "flash").code == 0
    with closing(Library(twice, writable=False)) as library:
        every = page(library, ListScans(), 0, 9, ()).rows
        assert [(row["scan"], row["judged"]) for row in every] == [(2, 1), (1, 1)]
        assert rows_of(library, text="is:right") == [(2, first["frame"]), (1, first["frame"])]
        assert len(rows_of(library, text="is:unjudged")) == len(rows_of(library)) - 2
        counts = histogram(library, GetHistogram(ALL_SCANS))
        assert sum(counts.events) == len(rows_of(library)) and sum(counts.right) == 2
        assert judged_score(library, ALL_SCANS).all.right == 2
    lines = cli("results", "--all", "--json").out.splitlines()
    assert [json.loads(line)["scan"] for line in lines].count(2) < len(lines)
    assert cli("results", "1", "--all").code == 2


def test_the_picker_has_all_scans_first_and_results_list_them(twice: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("2", "results")
        await viewer.until(lambda: viewer.table.row_count > 0)
        newest = viewer.table.row_count
        await viewer.press("y")
        await viewer.sees("all judged")
        await viewer.press("p")
        await viewer.sees("Which scan", "every scan", "2 judged", "1 judged")
        rows = [row for row in viewer.terminal.rows if "quick" in row or "every scan" in row]
        assert "every scan" in rows[0] and "   2  quick" in rows[1] and "   1  quick" in rows[2]
        await viewer.press("pageup", "enter")
        await viewer.sees("all scans")
        await viewer.until(lambda: viewer.table.row_count >= newest + STROKES)  # and headers
        await viewer.until(lambda: f"2 of {newest + STROKES}" in viewer.line("keys"))
        await viewer.press("e")
        await viewer.sees("an export is of one scan")
        await viewer.press("escape")
        await viewer.until(lambda: viewer.table.row_count == newest)

    look(wishes(twice), run, (120, 36))


def test_a_mark_of_another_viewer_is_shown_and_goes_again(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("2", "results")
        await viewer.until(lambda: viewer.table.row_count == STROKES)
        row = (await viewer.app.bridge.ask(ListResults())).rows[2]
        found = running(own)
        assert found is not None
        other = await RemoteClient.open(found)
        try:
            for on_ in (True, False):
                await other.ask(MarkFrame(row["content"], row["frame"], on_))
                await viewer.until(lambda on_=on_: marked(viewer) == ([2] if on_ else []))  # type: ignore[misc]
        finally:
            await other.close()

    look(wishes(own), run, (120, 36))


def marked(viewer: Viewer) -> list[int]:
    rows = viewer.current_screen._rows
    return [n for n in range(STROKES) if (row := rows.record(n)) is not None and row["marked"]]
