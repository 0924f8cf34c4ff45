"""What a row of the Queue shows, what was found just now, and which jobs can move."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from core.protocol.messages import EventFound
from core.protocol.state import EngineState, ProvisionalEvent, ScanState, StepState, TaskState
from tui.views import pipeline, queue, queue_lines
from tui.views.folds import Folds
from tui.views.just_found import JustFound
from tui.widgets.symbols import ASCII, UNICODE

ROW: dict[str, Any] = {
    "scan": 1, "number": 1, "path": "/films/cam-ne/2026-08-11_2140.mp4", "kind": "video",
    "state": "queued", "reason": "", "frames": 0, "moments": 0, "seconds": 0.0, "content": None,
}  # fmt: skip
HEAD: dict[str, Any] = ROW | {
    "number": queue.SCAN_ROW, "path": "/films", "state": "running", "profile": "storm",
    "sources": 9, "done": 4, "failed": 1, "folded": False,
}  # fmt: skip
STEPS = (
    StepState("read", 1, 9.0, 0.0, 1.0, 2, 2),
    StepState("prepare", 1, 1.0, 9.0, 0.0, 0, 2),
    StepState("flash", 1, 2.0, 8.0, 0.0, 0, 2),
    StepState("write", 1, 0.1, 9.0, 0.0, 0, 2),
)


def found(*seconds: float) -> tuple[ProvisionalEvent, ...]:
    return tuple(ProvisionalEvent("flash", each, 0.9) for each in seconds)


def state(*seconds: float, kind: str = "running", done: int = 50) -> EngineState:
    task = TaskState(1, ROW["path"], done, 100, 10.0, STEPS, found(*seconds), 100.0)
    tasks = (task,) if done else ()
    return EngineState(1, "", (ScanState(1, "storm", kind, 9, 5, 1, 18, tasks),))


def text(row: dict[str, Any], now: EngineState | None, width: int = 75, ascii: bool = False) -> str:  # noqa: A002
    cell = queue_lines.row_of(row, now, ASCII if ascii else UNICODE).cells[0]
    assert callable(cell)
    spans = cell(width)
    assert sum(cell_len(span.text) for span in spans) == width
    return "".join(span.text for span in spans)


def test_a_running_file_is_a_time_line_with_what_was_found() -> None:
    shown = text(ROW, state(10.0, 40.0))
    assert shown.startswith("run     ") and "50%" in shown and "0:05" in shown
    assert shown.endswith(" 2+") and shown.count("┃") == 2 and "━" in shown and "─" in shown
    assert text(ROW, state(10.0), ascii=True).isascii()
    assert not text(ROW, state()).rstrip().endswith("+")


def test_a_file_says_what_it_does() -> None:
    assert text(ROW, state(done=0)).startswith("waits ")
    assert text(ROW, state(kind="paused")).startswith("paused ")
    assert text(ROW, None).startswith("stopped ")
    failed = text(ROW | {"state": "failed", "reason": "moov atom not found"}, None)
    assert failed.startswith("FAILED ") and "moov atom not found" in failed
    done = text(
        ROW | {"state": "done", "frames": 100, "seconds": 2.0, "moments": 7,
               "marks": [[0.5, "flash"], [0.9, "motion"]]},
        None,
    )  # fmt: skip
    assert done.startswith("done ") and done.endswith(" 7") and done.count("┃") == 2
    assert "50.0" in done and "%" not in done


@pytest.mark.parametrize("width", range(1, 140))
def test_every_row_fills_its_line_at_any_width(width: int) -> None:
    job = ROW | {"number": 0, "kind": "rederive", "known": True, "done": 1, "total": 2}
    for row in (ROW, HEAD, job, ROW | {"state": "failed", "reason": "x" * 200}):
        for now in (None, state(10.0), state(done=0)):
            text(row, now, width)


def test_the_row_of_a_scan_says_how_far_it_is() -> None:
    shown = text(HEAD, state(1.0, 2.0, 3.0))
    assert shown.startswith("1 storm  run  5 of 9  1 failed  films")
    assert "21+ events" in shown
    ended = HEAD | {"state": "done", "moments": 231, "seconds": 2891.0, "done": 9, "failed": 0}
    assert text(ended, None).startswith("1 storm  done  9 of 9  films")
    assert text(ended, None).endswith("231 events  took 48:11")
    assert "waits" in text(HEAD, state(kind="queued", done=0))
    signs = {queue_lines.row_of(HEAD | {"folded": f}, None, UNICODE).sign for f in (True, False)}
    assert signs == {"▸", "▾"}


def test_the_slowest_step_stands_out_and_others_wait_for_it() -> None:
    assert pipeline.sentence(STEPS) == "prepare, flash and write wait for read"
    task = TaskState(1, "/a", 1, 2, 1.0, STEPS)
    lines = pipeline.steps(task, 40, 6, UNICODE)
    assert len(lines) == 4 and lines[0][-1].text == " slowest" and lines[0][-1].tone == "warn"
    brief = ["".join(s.text for s in line) for line in pipeline.steps(task, 76, 3, UNICODE)]
    assert len(brief) == 3 and brief[0].startswith("read") and "wait for read" in brief[2]


def final(number: int, seconds: float) -> tuple[int, EventFound]:
    return number, EventFound(1, 1, ROW["path"], "flash", 0, 1, seconds, seconds, seconds, 0.8)


def test_a_result_replaces_what_was_provisional() -> None:
    news = JustFound()
    news.update(state(10.0), [])
    news.update(state(10.2, 30.0), [])
    assert [each.seconds for each in news.shown] == [30.0, 10.2]
    assert all(each.provisional for each in news.shown)
    news.update(state(10.2), [])  # decided otherwise with more measured
    assert [each.seconds for each in news.shown] == [10.2]
    news.update(state(done=0), [final(4, 10.2), final(5, 60.0)])
    assert [(each.seconds, each.provisional) for each in news.shown] == [
        (60.0, False),
        (10.2, False),
    ]
    news.update(state(done=0), [final(4, 10.2), final(5, 60.0)])
    assert len(news.shown) == 2
    news.update(None, [final(0, 5.0)])  # of a new engine
    assert news.shown[0].seconds == 5.0


def test_the_twelve_newest_are_shown_and_those_of_a_cancelled_file_go() -> None:
    news = JustFound()
    news.update(state(*range(0, 60, 3)), [])
    assert [each.seconds for each in news.shown] == list(range(57, 22, -3))[:12]
    news.update(state(done=0), [])
    assert news.shown == []


def test_scans_seen_running_stay_unfolded() -> None:
    folds = Folds(["x", 7], [])
    folds.see([1, 2])
    folds.turn(2, folded=False)
    folds.see([1, 2])
    assert (folds.shown_with_sources, folds.folded) == ((7, 1), [2])
    folds.turn(2, folded=True)
    assert (folds.shown_with_sources, folds.folded) == ((7, 2, 1), [])
    assert folds.unfolded == [7, 2]  # what is kept for the next time


@pytest.mark.parametrize(
    ("meant", "by", "moved"),
    [({2, 3}, -1, [2, 3]), ({1, 2}, -1, []), ({1, 3}, -1, [3]), ({2, 3}, 1, [3, 2]),
     ({4}, 1, []), ({2, 4}, 1, [2])],
)  # fmt: skip
def test_jobs_that_move_together_do_not_pass_each_other(
    meant: set[int], by: int, moved: list[int]
) -> None:
    assert queue.movable([1, 2, 3, 4], meant, by) == moved
