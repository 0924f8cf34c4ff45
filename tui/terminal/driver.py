"""Textual's Linux driver on descriptors of our own.

Differs from it in what a bad link does: output never blocks the app's loop (`link.py`), a closed
terminal ends the app instead of spinning, late answers are not typed into it, bytes that are not
UTF-8 do not end it, and the size is asked of the terminal, not of $COLUMNS.
"""

from __future__ import annotations

import os
import select
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

from .guard import Guard
from .link import Link
from .link_speed import LinkSpeed
from .probe import LateAnswers, TerminalFacts, size_of

if TYPE_CHECKING:
    from textual.app import App

TICK_SECONDS = 0.1
FINISH_SECONDS = 0.7


class LinkDriver(LinuxDriver):
    """Made through `bound()`, which gives it its terminal."""

    guard: Guard
    facts: TerminalFacts
    on_gone: Callable[[], None]

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        # Without a size Textual would ask descriptors 0 to 2, which are not the terminal now.
        size = size or size_of(self.guard.output_fd)
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.fileno = self.guard.input_fd
        self.input_tty = True
        self.link: Link | None = None
        self._speed = _speed(self.facts)
        self._seen_size = size

    def write(self, data: str) -> None:
        """Send `data`, or skip it if it is a frame and the link is stalled; never waits."""
        if self.link is not None:
            self.link.send(data)

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self.guard.drawing = True
        self.link = Link(
            self.guard.output_fd, unicode=self.facts.unicode, on_recovered=self._draw_anew,
            speed=self._speed,
        )  # fmt: skip
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        """Queue everything that puts the terminal back."""
        super().stop_application_mode()
        # Textual leaves the encoding of the mouse in pixels on, and synchronised output if a frame
        # was cut short.
        self.write("\x1b[?1016l\x1b[?2026l")

    def close(self) -> None:
        """Wait until the terminal has taken all of it, or put it back by force."""
        link, self.link = self.link, None
        if link is not None and not link.finish(FINISH_SECONDS):
            self.guard.restore()
        self._take_answer()
        self.guard.drawing = False
        super().close()

    def suspend_application_mode(self) -> None:
        """Give the terminal to another program, an editor say."""
        super().suspend_application_mode()
        self.guard.restore_modes()
        self.guard.lift()

    def resume_application_mode(self) -> None:
        """Take the terminal again."""
        self.guard.lower()
        super().resume_application_mode()
        self._draw_anew()

    def set_mouse(self, on: bool) -> None:
        """Switch mouse reporting; off leaves selecting text to the terminal."""
        if on:
            self._mouse = True
            self._enable_mouse_support()
            if self._mouse_pixels:
                self._enable_mouse_pixels()
        else:
            self._disable_mouse_support()
            self._mouse = False

    def run_input_thread(self) -> None:
        """Read keys until the driver stops or the terminal is gone."""
        parser = XTermParser(self._debug)
        late = LateAnswers(expected=self.facts.unanswered, on_last=self._answered)
        if self._speed is not None:
            self._speed.on_question = late.expect
        decode = getincrementaldecoder("utf-8")("replace").decode
        while not self.exit_event.is_set():
            data = self._read()
            if data is None:
                self.on_gone()
                return
            text = late.feed(decode(data)) if data else late.tick()
            self._notice_size()
            # The parser takes an empty text for the end of its input.
            for message in [*(parser.feed(text) if text else ()), *parser.tick()]:
                self.process_message(message)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except Exception as error:
            self._app.call_later(self._app._handle_exception, error)

    def _read(self) -> bytes | None:
        """Return what was typed, nothing within 0.1 s, or None once the terminal is closed."""
        try:
            if not select.select([self.fileno], [], [], TICK_SECONDS)[0]:
                return b""
            return os.read(self.fileno, 4096) or None
        except OSError:
            return None

    def _answered(self) -> None:
        if self._speed is not None:
            self._speed.answered()

    def _take_answer(self) -> None:
        """Wait a moment for an answer that is on its way, which the shell would take for keys."""
        speed, until = self._speed, time.monotonic() + FINISH_SECONDS
        while speed is not None and speed.waits and time.monotonic() < until:
            typed = self._read()
            if typed is None or b"c" in typed:
                return

    def _get_terminal_size(self) -> tuple[int, int]:
        return size_of(self.guard.output_fd)

    def _notice_size(self) -> None:
        """Notify the app of a new size that no signal reported.

        Two signals in quick succession may be handled in the wrong order, and where the terminal
        is not the controlling one there are none.
        """
        size = self._get_terminal_size()
        if self._in_band_window_resize or size == self._seen_size:
            return
        self._seen_size = size
        self.send_message(events.Resize(Size(*size), Size(*size)))

    def _draw_anew(self) -> None:
        app = self._app
        with suppress(RuntimeError):  # the loop is closed: there is nothing to draw any more
            self._loop.call_soon_threadsafe(lambda: app.call_later(app.refresh, layout=True))


def _speed(facts: TerminalFacts) -> LinkSpeed | None:
    """Return what measures the link; None where it is no bottleneck or others would answer."""
    if not facts.ssh or facts.tmux or facts.round_trip_ms is None:
        return None
    return LinkSpeed(facts.round_trip_ms / 1000)


def bound(guard: Guard, facts: TerminalFacts, on_gone: Callable[[], None]) -> type[LinkDriver]:
    """Return the driver's class for one terminal, as `App.driver_class` wants it.

    `on_gone` is called from the input thread when the terminal was closed.
    """
    return type(
        "BoundLinkDriver",
        (LinkDriver,),
        {"guard": guard, "facts": facts, "on_gone": staticmethod(on_gone)},
    )
