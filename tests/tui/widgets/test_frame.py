"""Edges of panes: what they say, what a change of them costs, and how they show the focus."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.containers import Horizontal
from textual.pilot import Pilot

from tests.tui.widgets.terminal import LazyFrame, show
from tui.widgets.columns import Column
from tui.widgets.frame import Frame, PaneKey
from tui.widgets.line import LineSpan
from tui.widgets.rows import ListSource, Row
from tui.widgets.symbols import ASCII, UNICODE, Symbols
from tui.widgets.virtual_table import VirtualTable

KEYS = (PaneKey("b", "box", "results.boxes"), PaneKey("x", "crop", "results.crop"))
WIDE = (120, 36)
EDGE_BYTES, STEP_BYTES, FOCUS_BYTES = 360, 600, 2458
"""0.3 KB, 0.5 KB and 2 KB, each with a tolerance of 20 %"""
LINE, LINE_ON = "38;2;43;54;71", "38;2;143;184;255"


def pane(symbols: Symbols = UNICODE, rows: int = 3) -> Frame:
    source = ListSource([Row(f"k{number}", (f"row {number}",)) for number in range(rows)])
    table = VirtualTable((Column("NAME", None),), source, symbols=symbols)
    frame = Frame(table, symbols=symbols, title="Events", keys=KEYS)
    frame.styles.height = "1fr"
    return frame


def test_title_facts_place_and_keys_stand_in_the_edges() -> None:
    frame = pane()
    app = LazyFrame(frame)

    async def look(pilot: Pilot[None]) -> None:
        frame.show("Events", "237  scan 12", [LineSpan("p", "key"), LineSpan(" scan", "dim")],
                   "7 of 181", KEYS)  # fmt: skip
        await pilot.pause()
        assert app.terminal.rows == [
            "╭ Events  237  scan 12 ─────── p scan ╮",
            "│  NAME                               │",
            "│▌ row 0                              │",
            "│  row 1                              │",
            "│  row 2                              │",
            "╰──────────── b box  x crop  7 of 181 ╯",
        ]
        assert app.terminal.rows == app.composed

    show(app, look, (39, 6))


def test_the_ascii_twin() -> None:
    frame = pane(ASCII)
    app = LazyFrame(frame)

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows[0].startswith("+-[Events]----")
        assert app.terminal.rows[-1].endswith("- b box  x crop +")
        frame.show("Events", "237", place="7 of 181")
        await pilot.pause()
        assert app.terminal.rows[0].startswith("+-[Events]  237 ----")
        assert app.terminal.rows[-1].endswith("---- 7 of 181 +")
        assert "\n".join(app.terminal.rows).isascii()

    show(app, look, (39, 6))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 2), (5, 3), (12, 4), (20, 5)])
def test_what_does_not_fit_is_cut(size: tuple[int, int]) -> None:
    frame = pane()
    app = LazyFrame(frame)

    async def look(pilot: Pilot[None]) -> None:
        frame.show("Events", "雷" * 30, "\x1b[2Jaside" * 3, "7 of 181", KEYS)
        await pilot.pause()
        assert app.terminal.rows == app.composed
        assert all(len(row) <= size[0] for row in app.terminal.rows)
        if size[0] >= 12:
            assert app.terminal.rows[0].startswith("╭ Events") and "…" in app.terminal.rows[0]

    show(app, look, size)


def test_a_change_of_an_edge_sends_that_row_and_a_cursor_step_two_rows() -> None:
    frame, other = pane(rows=60), pane(rows=60)
    app = LazyFrame(Horizontal(frame, other))

    async def look(pilot: Pilot[None]) -> None:
        def placed(place: str) -> Callable[[], None]:
            return lambda: frame.show("Events", place=place, keys=KEYS)

        table, second = frame.query_one(VirtualTable), other.query_one(VirtualTable)
        assert await app.sent_by(pilot, placed("")) == 0
        assert 0 < await app.sent_by(pilot, placed("8 of 237")) <= EDGE_BYTES
        assert 0 < await app.sent_by(pilot, placed("9 of 237")) <= EDGE_BYTES / 3
        assert 0 < await app.sent_by(pilot, placed("10 of 237")) <= EDGE_BYTES
        assert 0 < await app.sent_by(pilot, lambda: table.cursor_by(1)) <= STEP_BYTES
        assert 0 < await app.sent_by(pilot, second.focus) <= FOCUS_BYTES
        assert app.terminal.rows == app.composed

    show(app, look, WIDE)


def test_one_frame_alone_is_lit() -> None:
    first, second = pane(), pane()
    app = LazyFrame(first, second)

    async def look(pilot: Pilot[None]) -> None:
        def lit(y: int) -> bool:
            return LINE_ON in app.terminal.styles[y][0]

        assert lit(0) and lit(5) and lit(11) and not lit(12)
        assert LINE in app.terminal.styles[12][0]
        second.query_one(VirtualTable).focus()
        await pilot.pause()
        assert not lit(0) and not lit(5) and lit(12) and lit(23)

    show(app, look)


def test_without_colour_the_frame_with_the_focus_is_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = LazyFrame(pane(), pane())

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows[0].startswith("┏ Events ━━")
        assert app.terminal.rows[11].startswith("┗━━") and app.terminal.rows[5].startswith("┃")
        assert app.terminal.rows[12].startswith("╭ Events ──")

    show(app, look)


def test_a_click_on_a_key_in_an_edge_names_its_action() -> None:
    frame = pane()
    app = LazyFrame(frame)

    async def look(pilot: Pilot[None]) -> None:
        row = app.terminal.rows[-1]
        await pilot.click(offset=(row.index("x crop"), 5))
        await pilot.click(offset=(row.index("b box"), 5))
        await pilot.click(offset=(3, 5))
        await pilot.click(offset=(3, 0))
        await pilot.pause()
        pressed = [each.action for each in app.said if isinstance(each, Frame.Pressed)]
        assert pressed == ["results.crop", "results.boxes"]

    show(app, look, (39, 6))
