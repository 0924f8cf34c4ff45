"""A terminal to look at: an app of one or more widgets writes to it, tests read what it shows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import RenderableType
from textual import on
from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.message import Message
from textual.pilot import Pilot
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from tui.widgets.frame import Frame
from tui.widgets.line import Line
from tui.widgets.tight import tight
from tui.widgets.virtual_table import VirtualTable

M = TypeVar("M", bound=Message)

_SENT = re.compile(r"\x1b\[([\d;]*)([GHm])|([^\x00-\x1f\x7f-\x9f])|(.)", re.DOTALL)
_POINTER = re.compile(r"\x1b\]22;[a-z]*\x07")
"""the shape of the mouse pointer, which Textual sends of itself"""
_COLOURS = {"38", "48"}
_ENDS = {"22": ("1", "2"), "23": ("3",), "24": ("4",), "27": ("7",), "29": ("9",)}
_INKS = {*map(str, (*range(30, 38), *range(90, 98)))}
_GROUNDS = {*map(str, (*range(40, 48), *range(100, 108)))}
_LIT = {"7", "48;2;34;48;74", "48;2;143;184;255"}
"""reversed; the theme storm's `here`, and its `key` behind a chip"""


class Terminal:
    """What was sent, as a grid of cells; what is neither text, place nor style is `obeyed`."""

    def __init__(self, width: int, height: int) -> None:
        self.cells = [[" "] * width for _ in range(height)]
        self.styles: list[list[frozenset[str]]] = [[frozenset()] * width for _ in range(height)]
        self.obeyed: list[str] = []
        self.sent = 0
        self._x = self._y = 0
        self._style: frozenset[str] = frozenset()

    @property
    def rows(self) -> list[str]:
        """The lines shown, without spaces at their ends."""
        return ["".join(line).rstrip() for line in self.cells]

    def reversed_in(self, y: int) -> list[int]:
        """The cells of a line that are reversed, or on the ground of the cursor or a chip."""
        return [x for x, style in enumerate(self.styles[y]) if _LIT & style]

    def reversed_rows(self) -> list[int]:
        """The lines of which any cell is reversed."""
        return [y for y in range(len(self.styles)) if self.reversed_in(y)]

    def feed(self, data: str) -> None:
        self.sent += len(data.encode())
        for parameters, command, char, other in _SENT.findall(_POINTER.sub("", data)):
            if command == "H":
                line, _, column = parameters.partition(";")
                self._y, self._x = int(line) - 1, int(column or 1) - 1
            elif command == "G":
                self._x = int(parameters) - 1
            elif command == "m":
                self._restyle(parameters.split(";"))
            elif char:
                self._put(char)
            elif other != "\n":
                self.obeyed.append(other)

    def _restyle(self, parameters: Sequence[str]) -> None:
        rest = list(parameters)
        while rest:
            number = rest.pop(0)
            if number in ("", "0"):
                self._style = frozenset()
            elif number in _COLOURS:
                size = 4 if rest[0] == "2" else 2
                self._colour(number[0], ";".join([number, *rest[:size]]))
                del rest[:size]
            elif number in _ENDS:
                self._style -= {*_ENDS[number]}
            elif number in ("39", "49"):
                self._colour(number[0], "")
            elif number in _INKS | _GROUNDS:
                self._colour("3" if number in _INKS else "4", number)
            else:
                self._style |= {number}

    def _colour(self, of: str, code: str) -> None:
        """Set the colour of text (3) or ground (4), in the place of the one before."""
        former = _INKS if of == "3" else _GROUNDS
        kept = {s for s in self._style if s not in former and not s.startswith(f"{of}8;")}
        self._style = frozenset({*kept, code} - {""})

    def _put(self, char: str) -> None:
        width = cell_len(char)
        line = self.cells[self._y]
        if not width:
            line[self._x - 1 if line[self._x - 1] else self._x - 2] += char
            return
        for offset in range(width):
            self._break_wide(self._x + offset)
            line[self._x + offset] = char if not offset else ""
            self.styles[self._y][self._x + offset] = self._style
        self._x += width

    def _break_wide(self, x: int) -> None:
        """As terminals do: half of a wide sign overwritten leaves nothing of the other half."""
        line = self.cells[self._y]
        if line[x] == "":
            line[x - 1] = " "
        elif x + 1 < len(line) and line[x + 1] == "" and cell_len(line[x]) > 1:
            line[x + 1] = " "


class Wired(HeadlessDriver):
    """A driver without a terminal that nevertheless is written to."""

    terminal: Terminal

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.terminal.feed(data)


class QuietScreen(Screen[None]):
    """As the app's screens, one that is not drawn again when the focus moves."""

    focused = Reactive(None, repaint=False)


class LazyFrame(App[None]):
    """The widgets under test, one below the other, and what they said."""

    CSS = "Screen { layout: vertical; }"

    def __init__(self, *widgets: Widget, tighten: bool = True) -> None:
        super().__init__(driver_class=Wired)
        self.console._color_system = ColorSystem.TRUECOLOR  # whatever terminal the tests run in
        self.tighten = tighten
        self.widgets = widgets
        self.said: list[Message] = []

    def get_default_screen(self) -> Screen[Any]:
        return QuietScreen(id="_default")

    def compose(self) -> ComposeResult:
        yield from self.widgets

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, tight(renderable) if self.tighten else renderable)

    @property
    def terminal(self) -> Terminal:
        assert isinstance(self._driver, Wired)
        return self._driver.terminal

    @property
    def composed(self) -> list[str]:
        """What the screen would show if all of it were sent."""
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]

    async def sent_by(self, pilot: Pilot[None], change: Callable[[], Any]) -> int:
        """Return how many bytes a change sends."""
        await pilot.pause()
        before = self.terminal.sent
        change()
        await pilot.pause()
        return self.terminal.sent - before

    async def resize(self, pilot: Pilot[None], width: int, height: int) -> None:
        """Make the terminal another size; as a real one, it keeps nothing of what it showed."""
        Wired.terminal = Terminal(width, height)
        await pilot.resize_terminal(width, height)
        await pilot.pause()

    @on(VirtualTable.CursorMoved)
    @on(VirtualTable.Activated)
    @on(VirtualTable.Marked)
    @on(Line.Pressed)
    @on(Frame.Pressed)
    def _listen(self, message: Message) -> None:
        self.said.append(message)

    def last(self, kind: type[M]) -> M:
        """Return the last message of a kind."""
        return [message for message in self.said if isinstance(message, kind)][-1]


def show(
    app: LazyFrame, test: Callable[[Pilot[None]], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> None:
    """Run `test` with the app on a terminal of this size."""

    async def main() -> None:
        Wired.terminal = Terminal(*size)
        async with app.run_test(size=size, headless=False) as pilot:
            await pilot.pause()
            await test(pilot)
            assert app.terminal.obeyed == []

    asyncio.run(main())
