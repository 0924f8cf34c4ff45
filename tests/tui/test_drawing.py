"""Boxes drawn by hand in the app: with keys, with the mouse, named, kept, shown and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES
from tui.screens.draw_box import DrawBoxScreen
from tui.views.box_drawing import BoxDrawing
from tui.widgets.frame_view import FrameView


async def opened(viewer: Viewer) -> DrawBoxScreen:
    await viewer.go("2", "results")
    await viewer.until(lambda: viewer.table.row_count >= STROKES and viewer.table.cursor_key)
    await viewer.press("a")
    await viewer.until(lambda: isinstance(viewer.app.screen, DrawBoxScreen))
    await viewer.until(viewer.shows_picture)
    screen = viewer.app.screen
    assert isinstance(screen, DrawBoxScreen)
    return screen


async def drawn(viewer: Viewer) -> list[dict[str, object]]:
    screen = viewer.app.screen
    row = screen.pictured_row()  # type: ignore[attr-defined]
    return [] if row is None else row["drawn"]


def test_a_box_is_drawn_with_keys_named_kept_and_removed(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        screen = await opened(viewer)
        columns, rows = screen._box.columns, screen._box.rows
        before = screen._box.corner
        await viewer.press("left", "h", "up", "L", "shift+down", "f", "right")
        x, y, width, height = screen._box.corner
        steps = (round((x - before[0]) * columns), round((y - before[1]) * rows))
        grown = (round((width - before[2]) * columns), round((height - before[3]) * rows))
        assert (steps, grown) == ((3, -1), (1, 1))
        await viewer.sees(" px at ")
        await viewer.press("enter", "enter")
        await viewer.sees("a box needs a label")
        await viewer.press("escape")
        assert viewer.app.screen is screen
        await viewer.press("enter", *"bolt", "enter")
        await viewer.sees("box stored")
        await viewer.until(lambda: bool(viewer.current_screen.pictured_row()["drawn"]))
        row = viewer.current_screen.pictured_row()
        (box,) = row["drawn"]
        assert (box["label"], box["x"], box["width"]) == (
            "bolt",
            pytest.approx(x),
            pytest.approx(width),
        )
        assert ("bolt", box["x"], box["y"], box["width"], box["height"]) in (
            viewer.current_screen.boxes_of(row)
        )
        await viewer.press("A")
        await viewer.sees("remove which box", "bolt")
        await viewer.press("enter")
        await viewer.sees("box removed")
        await viewer.until(lambda: not viewer.current_screen.pictured_row()["drawn"])
        await viewer.press("A")
        await viewer.sees("no box was drawn on this frame")

    look(wishes(own), run, (120, 36))


def test_a_box_is_drawn_with_the_mouse_and_escape_keeps_nothing(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        screen = await opened(viewer)
        view = screen.query_one(FrameView)
        await viewer.pilot.mouse_down(view, offset=(4, 2))
        await viewer.pilot.hover(view, offset=(12, 6))
        await viewer.pilot.mouse_up(view, offset=(12, 6))
        columns, rows = screen._box.columns, screen._box.rows
        x, y, width, height = screen._box.corner
        assert (round(x * columns), round(y * rows)) == (4, 2)
        assert (round(width * columns), round(height * rows)) == (9, 5)
        await viewer.press("escape")
        await viewer.until(lambda: not isinstance(viewer.app.screen, DrawBoxScreen))
        assert await drawn(viewer) == []

    look(wishes(own), run, (80, 24))


def test_a_box_stays_in_the_picture_and_is_never_empty() -> None:
    box = BoxDrawing(columns=40, rows=10)
    for step in ((-99, -99), (99, 99), (-1, 0)):
        box.move(*step)
        box.resize(*step)
        x, y, width, height = box.corner
        assert 0 <= x <= x + width <= 1 + 1e-9 and 0 <= y <= y + height <= 1 + 1e-9
        assert width >= 1 / 40 - 1e-9 and height >= 1 / 10 - 1e-9
    box.drag(3, 3)  # nothing was begun
    assert box.corner == (x, y, width, height)
    box.begin(39, 9)
    box.drag(-50, -50)
    assert box.corner[:2] == (0, 0) and box.corner[2] <= 1
    assert BoxDrawing().pixels(0, 0) == ""


def test_a_picture_too_small_to_see_can_be_left(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.resize(20, 5)
        await viewer.press("left", "enter", "escape", "escape")
        await viewer.until(lambda: not isinstance(viewer.app.screen, DrawBoxScreen))

    look(wishes(own), run, (80, 24))
