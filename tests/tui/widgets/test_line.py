"""One line: what it shows, what it sends, and what a click on it means."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.tui.widgets.terminal import LazyFrame, show
from tui.keys.actions import defaults, footer_items
from tui.widgets.line import Line, LineSpan
from tui.widgets.symbols import ASCII, UNICODE


def test_is_sent_only_when_it_changed_and_then_from_where_it_changed() -> None:
    line = Line(" sightline  gpu-box", symbols=UNICODE)
    app = LazyFrame(line)

    async def look(pilot: Pilot[None]) -> None:
        same = [LineSpan(" sightline  gpu-box")]
        assert await app.sent_by(pilot, lambda: line.show(" sightline  gpu-box")) == 0
        assert await app.sent_by(pilot, lambda: line.show(same)) == 0
        assert await app.sent_by(pilot, lambda: line.show(same, "2 running ")) > 0
        assert app.terminal.rows[0] == f"{' sightline  gpu-box':<70}2 running"
        few = await app.sent_by(pilot, lambda: line.show(same, "3 running "))
        assert 0 < few < 80
        assert app.terminal.rows == app.composed

    show(app, look)


def test_without_room_the_right_side_goes_and_the_left_is_cut() -> None:
    unicode, ascii_ = (
        Line("a rather long title of a box", "41 queued", symbols=signs)
        for signs in (UNICODE, ASCII)
    )
    app = LazyFrame(unicode, ascii_)

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows[:2] == ["a rather long title…", "a rather long titl.."]
        await app.resize(pilot, 40, 5)
        assert unicode.text == "a rather long title of a box   41 queued"
        assert app.terminal.rows == app.composed

    show(app, look, (20, 5))


@pytest.mark.parametrize("text", ["\x1b[2J", "[/x]", "\u202eabc", "雷" * 60, "e" + "\u0301" * 50])
def test_hostile_text_stays_text(text: str) -> None:
    line = Line(text, text, symbols=UNICODE)
    app = LazyFrame(line, Line("below", symbols=UNICODE))

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows == app.composed
        assert app.terminal.rows[1] == "below"

    show(app, look)


def test_a_click_on_a_key_names_its_action() -> None:
    items = footer_items("queue", defaults(), 80)
    parts = [LineSpan(f" {item.text} ", action=item.action) for item in items]
    line = Line(parts, symbols=UNICODE)
    app = LazyFrame(line)

    async def look(pilot: Pilot[None]) -> None:
        assert line.text.startswith(" a add  p pause")
        await pilot.click(line, offset=(9, 0))
        assert app.last(Line.Pressed).action == "queue.pause"
        app.said.clear()
        await pilot.click(line, offset=(79, 0))
        assert app.said == []

    show(app, look)


def test_where_one_is_shows_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    line = Line([LineSpan(" 1 Queue "), LineSpan(" 2 Results ", on="here")], symbols=UNICODE)
    app = LazyFrame(line)

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.reversed_in(0) == list(range(9, 20))

    show(app, look)
