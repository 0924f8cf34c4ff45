"""Marks: keys act on all marked rows, and are offered only where they do something."""

from __future__ import annotations

from pathlib import Path

from core.protocol.commands import SubmitScan
from tests.tui.viewing import Viewer, look, wishes
from tui.keys.actions import actions_here


def test_marks_are_offered_only_where_keys_act_on_them() -> None:
    offered = {
        scope
        for scope in ("queue", "results", "search", "compare", "models", "gpu", "profiles", "log")
        if {"mark.toggle", "mark.range", "mark.none"} & {each.id for each in actions_here(scope)}
    }
    assert offered == {"queue", "models", "profiles", "log"}


def test_keys_of_the_queue_act_on_all_marked_rows(library: Path, endless: Path) -> None:
    async def run(viewer: Viewer) -> None:
        for number in (1, 2, 3):
            await viewer.app.submit(SubmitScan((str(endless),), "quick", {"run.parallel": 1}))
            await viewer.until(lambda number=number: viewer.table.row_count == 2 * number)  # type: ignore[misc]
        await viewer.press("g", "space", "j", "j", "space")
        await viewer.until(lambda: len(viewer.table.marks) == 2)
        assert viewer.current_screen.copy_choices()[0][1].startswith("paths of 2")
        await viewer.press("p")
        await viewer.sees("2 jobs are paused")
        states = {job.number: job.state for job in viewer.app.bridge.state.jobs}  # type: ignore[union-attr]
        assert viewer.table.marks == ()
        await viewer.until(
            lambda: sum(j.state == "paused" for j in viewer.app.bridge.state.jobs) == 2  # type: ignore[union-attr]
        )
        assert len(states) == 3
        await viewer.press("g", "M", "G", "M", "x")
        await viewer.sees("3 jobs are running", "Leave it running")
        await viewer.press("enter")
        await viewer.until(lambda: not viewer.app.bridge.state.jobs)  # type: ignore[union-attr]
        await viewer.press("g", "M", "G", "M", "X")
        await viewer.sees("Remove 3 jobs (")
        await viewer.press("down", "enter")
        await viewer.until(lambda: viewer.table.row_count == 0)

    look(wishes(library), run, (120, 30))


def test_marked_lines_of_the_log_are_copied(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("8", "log")
        await viewer.until(lambda: viewer.table.row_count)
        await viewer.press("g", "space")
        text, words = viewer.current_screen.copy_choices()[0]
        assert words == "1 marked line" and "\n" not in text and "INFO" in text

    look(wishes(own), run)
