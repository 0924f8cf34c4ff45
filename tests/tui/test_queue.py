"""The queue as one sees it: adding, watching, ordering, holding, stopping, trying again."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import Input

from core.protocol.commands import CancelScan, SubmitScan, VerifyScan
from tests.engines import readers_stopped
from tests.tui.viewing import Viewer, look, wishes

SLOW = {"run.parallel": 1, "stages": ["flash", "motion", "cut"]}


@pytest.fixture
def footage(tmp_path: Path, storm: Path, endless: Path, broken: Path) -> Path:
    """A folder with a broken file, a short clip and a long one, in this order."""
    folder = tmp_path / "footage"
    folder.mkdir()
    shutil.copy(broken, folder / "a-broken.mp4")
    os.link(storm, folder / "b-storm.mp4")
    os.link(endless, folder / "c-long.mp4")
    return folder


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_a_queue_shows_what_is_done_at_work_waiting_and_failed(
    library: Path, footage: Path, storm: Path, size: tuple[int, int]
) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("press a to add files or folders")
        await viewer.app.submit(SubmitScan((str(footage),), "storm", SLOW))
        await viewer.app.submit(SubmitScan((str(storm),), "storm"))
        await viewer.sees("FAILED", "done", "run ", "waits", "fr/s", "1 failed")
        assert "1 running" in viewer.screen
        await viewer.press("j", "j", "j")
        await viewer.until(lambda: "c-long" in viewer.row())
        with readers_stopped(viewer.app.bridge.engine_pid):
            if size[0] > 100:
                await viewer.sees("Pipeline", "slowest", "Found just now", "CPU")
                await viewer.sees("of 96000 frames")

    look(wishes(library), run, size)


def test_a_path_is_typed_with_completion_and_scanned(
    library: Path, footage: Path, at_home: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.press("a")
        await viewer.sees("Add files or folders", "profile quick")
        for _ in "here/":
            await viewer.press("backspace")
        await viewer.type("foo")
        await viewer.sees("▌ footage/")
        await viewer.press("tab")
        await viewer.sees("a-broken.mp4", "b-storm.mp4")
        await viewer.type("b-")
        await viewer.press("tab", "ctrl+o")
        await viewer.sees("Profile", "type to filter")
        await viewer.type("storm")
        await viewer.press("enter", "enter")
        await viewer.sees("scan 1 is in the queue", "b-storm.mp4")
        await viewer.sees("done", "1 of 1")
        assert viewer.app.profile == "storm"

    look(wishes(library), run)


def test_several_are_marked_and_a_path_that_is_not_there_leads_nowhere(
    library: Path, footage: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.press("a")
        entry = viewer.app.screen.query_one("#path")
        entry.value = "/nowhere/at/all"  # type: ignore[attr-defined]
        await viewer.sees("does not exist: /nowhere/at/all; nearest folder (tab): /")
        await viewer.press("enter")
        await viewer.sees("Add files or folders")
        await viewer.press("tab")
        assert entry.value == "/"  # type: ignore[attr-defined]
        entry.value = f"{footage}/"  # type: ignore[attr-defined]
        await viewer.sees("a-broken.mp4")
        await viewer.press("down", "ctrl+t", "down", "ctrl+t")
        await viewer.sees("2 marked")
        await viewer.press("enter")
        await viewer.sees("FAILED", "done")
        assert "c-long" not in viewer.screen

    look(wishes(library), run)


def test_links_out_of_a_folder_are_left_out_and_said_until_ctrl_l_follows_them(
    library: Path, at_home: Path, pictures: Path
) -> None:
    top, out = at_home / "top", at_home / "out"
    for folder in (top, out):
        folder.mkdir()
        shutil.copy(pictures / "flat.png", folder / f"in-{folder.name}.png")
    (top / "notes.xmp").touch()
    (top / "link").symlink_to(out)

    async def run(viewer: Viewer) -> None:
        for keys in ([], ["ctrl+l"]):
            await viewer.press("a")
            await viewer.sees("Add files or folders", "ctrl+l links")
            viewer.app.screen.query_one("#path").value = str(top)  # type: ignore[attr-defined]
            await viewer.press(*keys)
            await viewer.sees(*(["links followed"] if keys else []))
            await viewer.press("enter")
            await viewer.sees("in-out.png" if keys else "in-top.png")
        await viewer.sees("1 link leads out of the folder", "1 file of a kind", ".xmp 1")

    look(wishes(library), run, (200, 40))


def test_waiting_scans_are_ordered_held_and_cancelled(
    library: Path, endless: Path, storm: Path, pictures: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        app = viewer.app
        await app.submit(SubmitScan((str(endless),), "storm", SLOW))
        await app.submit(SubmitScan((str(storm),), "storm"))
        await app.submit(SubmitScan((str(pictures / "flat.png"),), "quick"))
        await viewer.sees("c-endless.mp4", "storm.mp4", "flat.png")
        state = app.bridge.state
        assert state is not None and [scan.sources for scan in state.scans] == [1, 1, 1]
        await viewer.press("p")
        await viewer.sees("scan 1 is paused", "1 storm  paused", " paused  ")
        await viewer.press("G", "K")
        await viewer.sees("moved up")
        rows = viewer.terminal.rows
        order = [next(n for n, row in enumerate(rows) if name in row and "waits" in row)
                 for name in ("flat.png", "storm.mp4")]  # fmt: skip
        assert order == sorted(order)
        assert "flat.png" in viewer.row()
        await viewer.press("x")
        await viewer.sees("scan 3 stops", "stopped")
        await viewer.press("g", "x")
        await viewer.sees("scan 1 is running", "Leave it running")
        await viewer.press("down", "enter")
        await viewer.sees("1 storm  paused")
        await viewer.press("P")
        await viewer.sees("everything is paused")
        await viewer.press("P")
        await viewer.sees("everything is resumed")
        await viewer.press("x", "enter")
        await viewer.sees("scan 1 stops")
        await viewer.until(lambda: "1 running" not in viewer.screen)
        await viewer.press("g")
        while "c-endless" not in viewer.row():
            await viewer.press("j")
        await viewer.press("r")
        await viewer.sees("continues")
        await viewer.until(lambda: "run " in viewer.row())

    look(wishes(library), run)


def test_what_failed_is_tried_again_and_a_scan_is_removed(
    library: Path, tmp_path: Path, broken: Path, storm: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    shutil.copy(broken, clip)

    async def run(viewer: Viewer) -> None:
        await viewer.app.submit(SubmitScan((str(clip),), "storm"))
        await viewer.sees("FAILED", "1 failed")
        shutil.copy(storm, clip)
        await viewer.press("r")
        await viewer.sees("retries what failed")
        await viewer.sees("1 storm  done  1 of 1")
        await viewer.press("X")
        await viewer.sees("Remove scan 1", "Keep it")
        await viewer.press("down", "enter")
        await viewer.sees("scan 1 removed", "press a to add")

    look(wishes(library), run)


def test_jobs_of_other_kinds_are_rows_that_keys_act_on(
    library: Path, endless: Path, pictures: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        app = viewer.app
        await app.submit(SubmitScan((str(pictures / "flat.png"),), "quick"))
        await viewer.sees("1 quick  done", seconds=30)
        await app.submit(SubmitScan((str(endless),), "storm", SLOW))
        await app.bridge.ask(VerifyScan(1))
        await viewer.press("slash")
        await viewer.type("verification")
        await viewer.press("enter")
        await viewer.sees("▌  waits", "scan 1", "verification", "1 of 1 in the queue")
        await viewer.until(lambda: "1 running 1 waiting" in viewer.words)
        await viewer.press("p")
        await viewer.sees("verification 3 is paused", "▌  paused")
        await viewer.press("p", "x")
        await viewer.sees("verification 3 stops; r resumes it", "▌  stopped")
        await viewer.sees_no("p pause")
        await viewer.sees_no("v review")
        await viewer.press("slash")
        await viewer.press("ctrl+u", "enter", "g")
        await viewer.sees(
            "▌▾ 2 storm  run", "p pause", "v review"
        )  # what runs is above what was stopped
        await viewer.press("slash")
        await viewer.type("verification")
        await viewer.press("enter")
        await viewer.sees("▌  stopped")
        await app.bridge.ask(CancelScan(2))
        await viewer.press("r")
        await viewer.sees("verification 3 continues")
        await viewer.sees("▌  done", "100%", seconds=30)
        await viewer.press("enter")
        await viewer.sees("job 3 is not a scan")
        await viewer.press("X")
        await viewer.sees("Remove verification 3", "Keep it")
        await viewer.press("down", "enter")
        await viewer.sees("verification 3 removed")

    look(wishes(library), run, (120, 30))


def test_jobs_of_other_kinds_are_listed_in_the_order_of_the_queue(
    library: Path, endless: Path, pictures: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        app = viewer.app
        await app.submit(SubmitScan((str(pictures / "flat.png"),), "quick"))
        await viewer.sees("1 quick  done", seconds=30)
        await app.submit(SubmitScan((str(endless),), "storm", SLOW))
        await app.bridge.ask(VerifyScan(1))
        await app.bridge.ask(VerifyScan(1))
        await viewer.press("slash")
        await viewer.type("verification")
        await viewer.press("enter")
        await viewer.press("g")
        await viewer.sees("▌  waits", "job 3", "1 of 2 in the queue")
        await viewer.press("J")
        await viewer.sees("▌  waits", "job 3", "2 of 2 in the queue")
        await viewer.until(lambda: viewer.table.cursor_index == 1)

    look(wishes(library), run, (80, 30))


def test_enter_opens_the_results_of_that_scan(own: Path, storm: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.app.submit(SubmitScan((str(storm),), "dev", {"stages": ["cut"]}))
        await viewer.until(lambda: viewer.table.row_count > 1)
        await viewer.press("slash")
        await viewer.type("storm.mp4")
        await viewer.press("enter")
        await viewer.sees("2 dev", "1 quick")
        await viewer.press("G", "enter")
        await viewer.sees("Events", "scan 1", " 1 of")
        await viewer.press("escape")
        await viewer.sees("newest scan")

    look(wishes(own), run)


def test_leaving_asks_what_becomes_of_running_work(library: Path, endless: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.app.submit(SubmitScan((str(endless),), "storm", SLOW))
        await viewer.sees("▌▾ 1 storm  run")
        with readers_stopped(viewer.app.bridge.engine_pid):
            await viewer.press("q")
            await viewer.sees("Detach", "Stop after the current sources", "Stop now")
            await viewer.press("escape", "ctrl+c")
            await viewer.sees("Stop now")
        await viewer.press("down", "down", "enter")
        await viewer.until(lambda: not viewer.app.is_running)

    look(wishes(library), run)


def test_a_filter_narrows_the_queue_and_the_next_match_comes_round(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("done")
        await viewer.press("slash")
        await viewer.type("other-")
        await viewer.press("enter")
        await viewer.until(lambda: viewer.table.row_count == 3)
        first = viewer.row()
        await viewer.press("n", "n", "n")
        assert viewer.row() == first
        await viewer.press("N")
        assert viewer.table.cursor_index == 2
        await viewer.press("escape")
        await viewer.until(lambda: viewer.table.row_count == 1)

    look(wishes(found), run)


def shown(viewer: Viewer, scope: str) -> bool:
    return bool(viewer.current_screen.scope == scope and viewer.current_screen.is_drawable)


def test_a_bug_report_of_a_scan_is_written(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def run(viewer: Viewer) -> None:
        await viewer.until(lambda: viewer.table.row_count == 1)
        viewer.app.act("queue.report")
        entry = viewer.current_screen.query_one("#entry", Input)
        await viewer.until(lambda: entry.value.endswith("sightline-bug-1.md"))
        await viewer.sees("write the report on scan 1 to")  # also beside a value
        await viewer.press("enter")
        await viewer.sees("read it before you publish it", seconds=30)
        assert "## Profile" in (tmp_path / "sightline-bug-1.md").read_text()
        for name in ("results", "gpu"):  # the selected scan, or the newest
            viewer.app.go(name)
            await viewer.until(partial(shown, viewer, name))
            viewer.app.act("queue.report")
            await viewer.sees("write the report on scan 1 to")
            await viewer.press("escape")

    look(wishes(own), run)


def test_a_queue_says_that_the_engine_starts(library: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("nothing here yet")
        viewer.app.bridge.connection = "starting"
        await viewer.sees("starting the engine")
        assert "nothing here yet" not in viewer.screen
        viewer.app.bridge.connection = "attached"
        await viewer.sees("nothing here yet")

    look(wishes(library), run)
