"""The Textual app's base: a crash goes to the log, never to the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic

from textual.app import App, ReturnType
from textual.filter import LineFilter, NoColor
from textual.worker import WorkerFailed

from core.errors import ExitCode, SightlineError

from .crash_log import CrashLog
from .driver import LinkDriver
from .link import Link
from .link_speed import PictureShare, picture_share


class SafeApp(App[ReturnType], Generic[ReturnType]):
    """An app for `tty.run`; it also runs under Pilot, where it raises what went wrong."""

    _no_colour: ClassVar[NoColor] = NoColor()

    def __init__(self) -> None:
        super().__init__()
        self.crash: BaseException | None = None
        """the first unhandled exception"""
        self.farewell = ""
        """what to say in the shell once the app is left"""
        self.crash_log: CrashLog | None = None
        """set by `tty.run`"""
        self._styled: dict[str, str] = {}

    @property
    def link(self) -> Link | None:
        """What the app sends through, for meters and for drawing less; None under Pilot."""
        return self._driver.link if isinstance(self._driver, LinkDriver) else None

    @property
    def picture_share(self) -> PictureShare:
        """How much of the pictures the link can carry."""
        return picture_share(self.link.speed if self.link is not None else None)

    def send_to_terminal(self, sequence: str) -> None:
        """Send an escape sequence of our own, such as OSC 52 or a title."""
        if self._driver is not None:
            self._driver.write(sequence)

    def set_mouse(self, on: bool) -> None:
        """Switch mouse reporting while the app runs."""
        if isinstance(self._driver, LinkDriver):
            self._driver.set_mouse(on)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return no colours at all under NO_COLOR, where Textual would send greys."""
        return [self._no_colour] if self.no_color else super().get_line_filters()

    def begin_with(self, theme: str) -> None:
        """Settle the theme before anything is styled."""
        self.theme = theme
        self._styled = self.get_css_variables()
        self.stylesheet.set_variables(self._styled)

    def refresh_css(self, animate: bool = True) -> None:
        """Apply all styles again.

        Textual also reads all styles again, for each new screen; that is worth it only where a
        colour changed.
        """
        colours = self.get_css_variables()
        if colours != self._styled:
            self._styled = colours
            super().refresh_css(animate)
            return
        self.stylesheet.update(self, animate=animate)
        for screen in self.screen_stack:
            if screen.is_mounted:
                screen._css_update_count = self._css_update_count

    def _handle_exception(self, error: Exception) -> None:
        """Log and leave, where Textual would print every local variable to the terminal."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        if self.crash is None:
            self.crash = cause
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        if self.crash_log is not None:
            self.crash_log.note("in the app", cause)
        code = cause.exit_code if isinstance(cause, SightlineError) else ExitCode.INTERNAL
        self._return_code = int(code)
        self._close_messages_no_wait()

    def _print(self, text: str, stderr: bool = False) -> None:
        """Keep in the log what Python code prints; Textual throws it away."""
        super()._print(text, stderr)
        if self.crash_log is not None:
            self.crash_log.write(text)
