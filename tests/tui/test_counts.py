"""What is counted while scans run, wait or are held, and which scan Results opens on."""

from __future__ import annotations

from pathlib import Path

from core.protocol.commands import SubmitScan
from core.protocol.state import EngineState, JobState, ScanState, TaskState
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES
from tui.views import chrome, results


def _scan(number: int, state: str, sources: int, finished: int, tasks: int = 0) -> ScanState:
    running = tuple(TaskState(each, f"/{each}.mp4", 1, 2, 1.0) for each in range(tasks))
    return ScanState(number, "quick", state, sources, finished, 0, 0, running)


def _counts(*scans: ScanState, jobs: tuple[JobState, ...] = ()) -> tuple[int, int, int]:
    return chrome.counts(EngineState(1, "/x", scans=scans, jobs=jobs))


def test_a_held_scan_neither_runs_nor_waits() -> None:
    assert _counts(_scan(1, "running", 5, 1, tasks=2)) == (2, 2, 0)
    assert _counts(_scan(1, "running", 5, 1, tasks=2), _scan(2, "queued", 7, 0)) == (2, 9, 0)
    assert _counts(_scan(1, "paused", 5, 1, tasks=2), _scan(2, "queued", 7, 0)) == (0, 7, 4)
    download = JobState(3, "download", "m", "paused")
    assert _counts(jobs=(download,)) == (0, 0, 1)


def test_an_empty_list_says_what_its_scan_does() -> None:
    state = EngineState(1, "/x", scans=(_scan(4, "queued", 7, 0), _scan(5, "running", 2, 1)))
    assert results.why_empty(None, False, "", state) == "loading"
    assert "filter" in results.why_empty(None, True, "x", state)
    assert results.why_empty(4, True, "", state) == (
        "scan 4 waits for its turn: 0 of 7 sources done, nothing found yet"
    )
    assert "scan 5 is running: 1 of 2 sources" in results.why_empty(5, True, "", state)
    assert "r shows rejected" in results.why_empty(6, True, "", state)
    assert "r shows rejected" in results.why_empty(None, True, "", None)


def test_results_open_on_the_newest_scan_that_has_any(own: Path, pictures: Path) -> None:
    flat = str(pictures / "flat.png")

    async def run(viewer: Viewer) -> None:
        await viewer.app.submit(SubmitScan((flat,), "quick"))
        await viewer.sees("2 quick")
        await viewer.go("2", "results")
        await viewer.sees("scan 1, newest results")
        await viewer.until(lambda: viewer.table.row_count == STROKES)
        viewer.app.kept["results.scan"] = 2
        await viewer.sees("Events 0", "scan 2", "nothing found; r shows")
        await viewer.press("escape")
        await viewer.sees("scan 1, newest results")
        assert viewer.current_screen.to_remember()["results.scan"] is None

    look(wishes(own), run)
