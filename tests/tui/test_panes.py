"""The panes beside the results: why, what was measured within a second, film, whole video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tui.test_budget import drawn
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES
from tui.screens import picturing
from tui.widgets.curve import Curve
from tui.widgets.filmstrip import Filmstrip
from tui.widgets.frame import Frame
from tui.widgets.ratio_bars import RatioBars
from tui.widgets.timeline import Timeline

WIDE = (120, 36)
AT_ONCE = 2048


async def opened(viewer: Viewer) -> None:
    await viewer.go("2", "results")
    await viewer.until(lambda: viewer.table.row_count >= STROKES)


def pane(viewer: Viewer, name: str) -> str:
    """Return what the edges of a pane say."""
    return str(viewer.current_screen.query_one(f"#{name}", Frame).text)


def rows_of(viewer: Viewer, kind: Any) -> list[str]:
    """Return what the terminal shows where a widget is."""
    region = viewer.current_screen.query_one(kind).region
    rows = viewer.terminal.rows[region.y : region.bottom]
    return [row[region.x : region.right] for row in rows]


def test_panes_fill_without_a_key_and_say_why_an_event_was_accepted(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.sees("Why accepted", "needs 0.50", "energy", "brightness", "5 events")
        await viewer.until(lambda: "peak" in rows_of(viewer, Filmstrip)[-1])
        ratios = [row.split()[0] for row in rows_of(viewer, RatioBars)[:6]]
        assert ratios == ["simultaneity", "gain", "brevity", "attack", "return", "continuity"]
        assert "floor" in rows_of(viewer, RatioBars)[6]
        assert rows_of(viewer, Curve)[-1].rstrip().endswith("+1.0 s")
        assert "score" in rows_of(viewer, Curve)[-2]
        labels = rows_of(viewer, Filmstrip)[-1].split()
        assert [each for each in labels if "\u2501" not in each] == ["-2", "-1", "peak", "+1", "+2"]
        assert rows_of(viewer, Timeline)[0].count("\u2588") == STROKES
        assert "1 rejected" in pane(viewer, "whole") and "8.0 s" in pane(viewer, "whole")

    look(wishes(found), run, WIDE)


def test_frame_by_frame_film_picture_and_time_line_follow(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.until(lambda: "\u25b2" in rows_of(viewer, Timeline)[1])
        await viewer.until(lambda: viewer.current_screen._shown_for is not None)
        before = rows_of(viewer, Timeline)[1].index("\u25b2")
        title = pane(viewer, "look")
        await viewer.press("greater_than_sign", "greater_than_sign")
        await viewer.until(lambda: "\u2501 +2 \u2501" in rows_of(viewer, Filmstrip)[-1])
        await viewer.until(lambda: viewer.current_screen._shown_for[1][1] == 36)
        assert "frame 36" in pane(viewer, "look") and title != pane(viewer, "look")
        assert rows_of(viewer, Timeline)[1].index("\u25b2") > before
        assert "peak" in rows_of(viewer, Filmstrip)[-1]  # still shown, two frames before
        await viewer.press("less_than_sign", "less_than_sign", "less_than_sign")
        await viewer.until(lambda: "frame 33" in pane(viewer, "look"))
        await viewer.press("j", "k")  # another row, and back: at its peak again
        await viewer.until(lambda: "frame 34" in pane(viewer, "look"))

    look(wishes(found), run, WIDE)


def test_a_rejected_candidate_says_why_and_lists_fold_by_file(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("r")
        await viewer.sees("Candidates", "storm.mp4", "0/6")
        every = viewer.table.row_count
        await viewer.press("slash")
        await viewer.type("is:rejected kind:motion")
        await viewer.press("enter")
        await viewer.sees("Why rejected", "shorter than motion.min_seconds")
        await viewer.press("escape")
        await viewer.until(lambda: viewer.table.row_count == every)
        await viewer.press("g", "enter")
        await viewer.until(lambda: viewer.table.row_count == every - 6)
        assert "\u25b8 clips/storm.mp4" in viewer.row() and "0/6" in viewer.screen
        await viewer.until(lambda: "5 events" in pane(viewer, "whole"))  # of the header's file
        await viewer.press("y")
        await viewer.sees("nothing to judge here")
        await viewer.press("enter")
        await viewer.until(lambda: viewer.table.row_count == every)
        await viewer.press("enter", "J")  # a row in a folded file is gone to nevertheless
        await viewer.until(lambda: viewer.table.row_count == every or viewer.table.cursor_index > 1)
        assert viewer.current_screen._row() is not None

    look(wishes(found), run, WIDE)


def test_on_a_narrow_terminal_the_pane_takes_turns(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.sees("Why accepted", "attack")
        assert len([row for row in rows_of(viewer, RatioBars) if row.strip()]) == 4
        await viewer.press("right_square_bracket")
        await viewer.sees("\u00b1 1 s", "+1.0 s")
        await viewer.sees_no("Why accepted")
        await viewer.press("right_square_bracket")
        await viewer.sees("Facts", "frame 34   scan 1")
        await viewer.press("left_square_bracket", "left_square_bracket")
        await viewer.sees("Why accepted")
        for size in ((60, 15), (120, 36), (20, 5), (80, 24)):
            await viewer.resize(*size)
            await viewer.press("j")
        await viewer.sees("Why accepted", "attack")

    look(wishes(found), run, (80, 24))


def test_a_step_sends_little_at_once_and_then_nothing(
    found: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picturing, "PICTURE_SECONDS", 2.0)  # longer than a key takes under load

    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.until(lambda: "peak" in rows_of(viewer, Filmstrip)[-1])
        await drawn(viewer)
        before = viewer.terminal.sent
        await viewer.press("j")
        assert 0 < viewer.terminal.sent - before <= AT_ONCE
        await viewer.until(lambda: viewer.terminal.sent - before > 5 * AT_ONCE)  # picture and film
        await drawn(viewer)
        before = viewer.terminal.sent
        for _ in range(12):
            viewer.current_screen._tick()
            await viewer.pilot.pause()
        assert viewer.terminal.sent == before

    look(wishes(found), run, WIDE)


def test_panes_in_plain_signs_and_without_colours(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.sees("[Why accepted]", "+- 1 s", "[Whole video]", "floor")
        await viewer.until(lambda: "= peak =" in viewer.screen)
        await viewer.until(lambda: rows_of(viewer, Timeline)[0].count("!") == STROKES)
        assert viewer.screen.isascii()

    look(wishes(found, ascii=True), run, WIDE)
