"""An update that is cut shows the same, and sends less."""

from __future__ import annotations

import pytest
from textual.geometry import Region
from textual.pilot import Pilot

from tests.tui.widgets.terminal import LazyFrame, Terminal, show
from tui.widgets.columns import Column
from tui.widgets.line import Line, LineSpan
from tui.widgets.rows import ListSource, Row
from tui.widgets.symbols import UNICODE
from tui.widgets.tight import styles_once
from tui.widgets.virtual_table import VirtualTable

COLUMNS = (Column("FILE"), Column("%", 3, align="right"))


def rows(percent: int) -> list[Row]:
    tones = ("text", "bad", "bad", "dim")
    return [
        Row(str(n), (f"雷雲/{n:04}.mp4", str(percent)), tones[n % 4])  # type: ignore[arg-type]
        for n in range(8)
    ]


def watched(*, tighten: bool) -> tuple[list[int], Terminal]:
    """Make changes of all kinds; return what each sent, and the terminal at the end."""
    source = ListSource(rows(1))
    line = Line([LineSpan("left ", "strong"), LineSpan("left", "key")], "right", symbols=UNICODE)
    table = VirtualTable(COLUMNS, source, symbols=UNICODE)
    app = LazyFrame(line, table, tighten=tighten)
    sent = []

    async def look(pilot: Pilot[None]) -> None:
        source.show(rows(2))
        sent.append(await app.sent_by(pilot, table.refresh_changed))
        sent.append(await app.sent_by(pilot, lambda: table.cursor_by(3)))
        sent.append(await app.sent_by(pilot, lambda: line.show("left", "other")))
        sent.append(await app.sent_by(pilot, lambda: app.screen.refresh(layout=True)))
        assert app.terminal.rows == app.composed

    show(app, look)
    return sent, app.terminal


@pytest.mark.parametrize("colours", ["", "truecolor"])
def test_sends_less_and_shows_the_same(colours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", colours)
    sent, seen = watched(tighten=True)
    sent_otherwise, seen_otherwise = watched(tighten=False)
    assert seen.cells == seen_otherwise.cells
    assert seen.styles == seen_otherwise.styles
    assert 0 < sent[0] * 2 < sent_otherwise[0]
    assert all(less <= more for less, more in zip(sent, sent_otherwise, strict=True))


def test_a_region_that_begins_within_a_wide_sign_is_sent_whole() -> None:
    table = VirtualTable(COLUMNS, ListSource(rows(1)), symbols=UNICODE)
    app = LazyFrame(table)

    async def look(pilot: Pilot[None]) -> None:
        for x in range(3, 9):
            table.refresh(Region(x, 1, 3, 1))
            await pilot.pause()
            assert app.terminal.rows == app.composed

    show(app, look)


@pytest.mark.parametrize(
    "sent, less",
    [
        ("\x1b[1;1H\x1b[1mab\x1b[0m\n\x1b[2;1H\x1b[1mcd\x1b[0m",
         "\x1b[1;1H\x1b[1mab\x1b[2;1Hcd\x1b[0m"),
        ("\x1b[1ma\x1b[0m\x1b[2mb\x1b[0m", "\x1b[1ma\x1b[0;2mb\x1b[0m"),
        ("\x1b[38;2;1;2;3;48;2;9;9;9ma\x1b[0m\x1b[1;38;2;4;5;6;48;2;9;9;9mb\x1b[0m",
         "\x1b[38;2;1;2;3;48;2;9;9;9ma\x1b[1;38;2;4;5;6mb\x1b[0m"),
        ("\x1b[1;31;48;2;99;99;99ma\x1b[0m\x1b[2;48;2;99;99;99mb\x1b[0m",
         "\x1b[1;31;48;2;99;99;99ma\x1b[22;39;2mb\x1b[0m"),
        ("\x1b[1;38;5;40;41ma\x1b[0m\x1b[38;5;40;42mb\x1b[0m",
         "\x1b[1;38;5;40;41ma\x1b[22;42mb\x1b[0m"),
        ("\x1b[51;48;5;7ma\x1b[0m\x1b[48;5;7mb\x1b[0m",  # framed: not known how it ends
         "\x1b[51;48;5;7ma\x1b[0;48;5;7mb\x1b[0m"),
        ("\x1b[1ma\x1b[0mb\x1b[1mc\x1b[0m", "\x1b[1ma\x1b[0mb\x1b[1mc\x1b[0m"),
        ("\x1b[31;42ma\x1b[0m\x1b[1;31;44mb\x1b[0m", "\x1b[31;42ma\x1b[1;44mb\x1b[0m"),
        ("\x1b[38;2;1;2;3;48;5;9ma\x1b[0m\x1b[48;5;9;38;2;1;2;4mb\x1b[0m\x1b[38;5;7mc\x1b[0m",
         "\x1b[38;2;1;2;3;48;5;9ma\x1b[38;2;1;2;4mb\x1b[0;38;5;7mc\x1b[0m"),
        ("plain\nplain", "plain\nplain"),
        ("\x1b]8;id=1;x\x1b\\\x1b[4ml\x1b[0m\x1b]8;;\x1b\\\x1b[4mn\x1b[0m",
         "\x1b]8;id=1;x\x1b\\\x1b[4ml\x1b[0m\x1b]8;;\x1b\\\x1b[4mn\x1b[0m"),
        ("", ""),
    ],
)  # fmt: skip
def test_styles_are_not_ended_to_be_set_again(sent: str, less: str) -> None:
    assert styles_once(sent) == less
