"""The whole app before a terminal to look at, with a real engine behind it."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from rich.cells import cell_len
from rich.color import ColorSystem
from textual.pilot import Pilot

from core.service.discovery import running
from tests.tui.widgets.terminal import Terminal, Wired
from tui.app import SightlineApp
from tui.start_options import StartOptions
from tui.widgets import picture_cells
from tui.widgets.line import Line
from tui.widgets.virtual_table import VirtualTable

SECONDS = 60.0
_EDGES = re.compile("[│╭╮╰╯─┏┓┗┛━┃]+")


class SeenApp(SightlineApp):
    """The app, writing to a grid of cells."""

    def __init__(self, wishes: StartOptions) -> None:
        super().__init__(wishes)
        self.driver_class = Wired
        self.console._color_system = ColorSystem.TRUECOLOR  # whatever terminal the tests run in


class Clipping(Terminal):
    """A terminal that was made smaller than what is still on its way to it."""

    def _put(self, char: str) -> None:
        if self._y < len(self.cells) and self._x + cell_len(char) <= len(self.cells[0]):
            super()._put(char)


class Viewer:
    """Someone who sits before the app: presses keys and reads the screen."""

    def __init__(self, app: SeenApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def terminal(self) -> Terminal:
        return Wired.terminal

    @property
    def screen(self) -> str:
        return "\n".join(self.terminal.rows)

    @property
    def composed(self) -> str:
        """What the screen would show if all of it were sent."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def current_screen(self) -> Any:
        assert self.app.current_screen is not None
        return self.app.current_screen

    @property
    def table(self) -> VirtualTable:
        table = self.current_screen.table()
        assert isinstance(table, VirtualTable)
        return table

    def line(self, name: str) -> str:
        """Return what one of the lines around the screen says."""
        return str(self.current_screen.query_one(f"#{name}", Line).text)

    def row(self) -> str:
        """Return the row under the cursor."""
        rows = (row.lstrip(" │┃|") for row in self.terminal.rows)
        row = next((row for row in rows if row.startswith(("▌", ">"))), "")
        return row.partition("│")[0]  # what is beside the list changes when it likes

    def shows_picture(self) -> bool:
        """Say whether a picture in quarters of cells is on the screen."""
        return any(letter in self.screen for letter in picture_cells.SHAPES.strip())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text as it is."""
        names = {" ": "space", "/": "slash", ".": "full_stop", "-": "minus", "=": "equals_sign",
                 ":": "colon", ",": "comma", "_": "underscore", "[": "left_square_bracket",
                 "]": "right_square_bracket", ">": "greater_than_sign", '"': "quotation_mark",
                 "\n": "enter"}  # fmt: skip
        await self.press(*(names.get(char, char) for char in text))

    async def until(self, true: Callable[[], Any], seconds: float = SECONDS) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"waited in vain; the screen:\n{self.screen}"
            await asyncio.sleep(0.02)
            await self.pilot.pause()

    async def sees(self, *texts: str, seconds: float = SECONDS) -> None:
        """Wait until all texts are on the screen, be it over two lines: paths differ in length."""
        end = time.monotonic() + seconds
        while missing := [text for text in texts if not self.shows(text)]:
            assert time.monotonic() < end, f"no {missing} on the screen:\n{self.screen}"
            await asyncio.sleep(0.02)
            await self.pilot.pause()

    def shows(self, text: str) -> bool:
        """Say whether a text is on the screen, also where it was wrapped."""
        return text in self.screen or text in self.words

    @property
    def words(self) -> str:
        """All words on the screen without the edges of panes."""
        plain = self.screen.replace("\u202f", " ")
        return " ".join(_EDGES.sub(" ", plain).split())

    async def sees_no(self, text: str, seconds: float = SECONDS) -> None:
        await self.until(lambda: text not in self.screen, seconds)

    async def go(self, key: str, scope: str) -> None:
        """Go to a screen and wait until it drew itself."""
        await self.press(key)
        await self.until(lambda: self.current_screen.scope == scope)
        await self.pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        Wired.terminal = Clipping(width, height)
        await self.pilot.resize_terminal(width, height)
        await self.pilot.pause()


def wishes(library: Path, **more: Any) -> StartOptions:
    """Return what the tests ask of the app: quick drawing, state of the test's own."""
    return replace(StartOptions(library, Path.cwd().parent / "state", draw_seconds=0.05), **more)


def look(
    asked: StartOptions, test: Callable[[Viewer], Awaitable[None]],
    size: tuple[int, int] = (80, 24), *, obeys: bool = False, attached: bool = True,
) -> None:  # fmt: skip
    """Run `test` before the app; unless it `obeys`, nothing but text, places and styles was sent.

    `attached` waits for the engine first.
    """

    async def main() -> None:
        Wired.terminal = Terminal(*size)
        app = SeenApp(asked)
        async with app.run_test(size=size, headless=False) as pilot:
            viewer = Viewer(app, pilot)
            if attached:
                await viewer.until(lambda: app.bridge.connection == "attached")
            await viewer.until(
                lambda: app.current_screen is not None and app.current_screen.is_mounted
            )
            await pilot.pause()
            await test(viewer)
            if app.is_running:
                await app.bridge.leave()
            if not obeys:
                assert Wired.terminal.obeyed == []

    asyncio.run(main())


def end_engine(library: Path) -> None:
    """Kill the engine of a library, if there is one."""
    found = running(library)
    if found is not None:
        with suppress(psutil.Error):
            process = psutil.Process(found.pid)
            process.send_signal(signal.SIGKILL)
            process.wait(10)


def copied(library: Path, to: Path) -> Path:
    """Return a copy of a library no engine knows."""
    shutil.copytree(library, to, ignore=shutil.ignore_patterns("engine.*", "*.sock"))
    return to
