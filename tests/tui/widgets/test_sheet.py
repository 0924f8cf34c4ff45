"""The contact sheet: rows of tiles, the line across, the cursor, and what each change sends."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from textual.pilot import Pilot

from tests.tui.widgets.terminal import LazyFrame, show
from tui.widgets.picture_cells import quadrants
from tui.widgets.sheet import Sheet, Tile
from tui.widgets.symbols import UNICODE

SIZE = (80, 22)


def tiles(count: int, faint_from: int = 99) -> list[Tile]:
    return [Tile(f"k{n}", f"head{n}", f"text{n}", faint=n >= faint_from) for n in range(count)]


def sheet() -> Sheet:
    made = Sheet(symbols=UNICODE, empty="nothing yet")
    made.styles.height = "1fr"
    return made


def test_tiles_stand_in_rows_and_a_line_parts_what_is_below() -> None:
    made = sheet()

    async def run(pilot: Pilot[None]) -> None:
        app: LazyFrame = pilot.app  # type: ignore[assignment]
        assert app.terminal.rows[0] == " nothing yet"
        made.show(tiles(8, 4), "cut-off 0.3", 4)
        await pilot.pause()
        height = made.place.height
        rows = app.terminal.rows
        assert rows[height].split() == ["▌head0", "head1", "head2"]
        assert rows[height + 1].split() == ["▌text0", "text1", "text2"]
        assert rows[2 * height + 2].split() == ["head3"]  # what is below begins a row of its own
        made.cursor_to(7)
        await pilot.pause()
        shown = "\n".join(app.terminal.rows)
        assert "cut-off 0.3" in shown and "▌head7" in shown
        assert shown.index("cut-off") < shown.index("head4")

    show(LazyFrame(made), run, SIZE)


def test_the_cursor_moves_by_tiles_and_rows_across_the_line() -> None:
    made = sheet()

    async def run(pilot: Pilot[None]) -> None:
        made.show(tiles(8, 4), "cut-off", 4)
        for tiles_by, rows_by, place in (
            (1, 0, 1), (0, 1, 3), (0, 1, 4), (2, 0, 6), (0, 1, 7), (0, 1, 7), (0, -1, 4),
            (0, -1, 3), (0, -9, 0), (-1, 0, 0), (99, 0, 7),
        ):  # fmt: skip
            made.cursor_by(tiles_by, rows_by)
            assert made.cursor_index == place, (tiles_by, rows_by)
        made.show(list(reversed(tiles(8))))
        assert made.cursor_key == "k7" and made.cursor_index == 0
        made.show([])
        made.cursor_by(1)
        assert made.cursor_key is None

    show(LazyFrame(made), run, SIZE)


def test_pictures_come_one_at_a_time_and_a_step_sends_little() -> None:
    made = sheet()
    made.can_focus = True

    async def run(pilot: Pilot[None]) -> None:
        app: LazyFrame = pilot.app  # type: ignore[assignment]
        made.show(tiles(12))
        await pilot.pause()
        made.cursor_to(1)
        assert made.missing[0] == "k1" and set(made.missing) >= {"k0", "k1", "k2"}
        place = made.place
        noise = np.random.default_rng(1).integers(0, 256, (place.height * 2, place.width * 2, 3))
        strips = quadrants(Image.fromarray(noise.astype(np.uint8)))
        one = await app.sent_by(pilot, lambda: made.put("k1", strips))
        cells = place.width * place.height
        assert one < 45 * cells + 1500 and "k1" not in made.missing
        assert await app.sent_by(pilot, lambda: made.put("k11", strips)) == 0  # out of view
        made.put("k0", strips)
        await pilot.pause()
        assert await app.sent_by(pilot, lambda: made.cursor_by(-1)) < 720  # its pictures stay
        assert await app.sent_by(pilot, lambda: made.show(tiles(12))) == 0  # nothing is new

    show(LazyFrame(made), run, SIZE)


@pytest.mark.parametrize("size", [(20, 5), (3, 1), (120, 36)])
@pytest.mark.parametrize("across", [1, 3, 7])
def test_any_size_has_its_tiles(size: tuple[int, int], across: int) -> None:
    made = sheet()

    async def run(pilot: Pilot[None]) -> None:
        made.set_across(across)
        made.show(tiles(9, 5), "cut-off", 5)
        for step in range(-2, 12):
            made.cursor_to(step)
            await pilot.pause()

    show(LazyFrame(made), run, size)


def test_what_tiles_say_is_harmless() -> None:
    made = sheet()

    async def run(pilot: Pilot[None]) -> None:
        made.show([Tile("k", "\x1b[31mhead\x07", "[bold]text\u202e")], "\x1b]0;x\x07rule", 1)
        await pilot.pause()
        assert "[bold]text" in "\n".join(pilot.app.terminal.rows)  # type: ignore[attr-defined]

    show(LazyFrame(made), run, SIZE)
