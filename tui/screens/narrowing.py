"""A filter that is applied while it is typed, and taken back when the typing is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.timer import Timer

if TYPE_CHECKING:
    from .screen import AppScreen

PAUSE_SECONDS = 0.15
"""after the last key: a list is not asked for with each letter of a word"""


class Narrowing:
    """Applies what is typed to a screen's list; made when the typing begins."""

    def __init__(self, screen: AppScreen, apply: Callable[[str], None]) -> None:
        """`apply` narrows the list without a word about what is only half typed."""
        self._screen = screen
        self._before = self._last = screen.filter_text
        self._apply = apply
        self._timer: Timer | None = None

    def typed(self, text: str) -> None:
        """Take the text as it is now."""
        self.stop()
        if text != self._last:
            self._timer = self._screen.set_timer(PAUSE_SECONDS, lambda: self._now(text))

    def stop(self) -> None:
        """Apply nothing more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def undo(self) -> None:
        """Bring back the filter that was there before."""
        self.stop()
        if self._last != self._before:
            self._screen.set_filter(self._before)

    def _now(self, text: str) -> None:
        self._last = text
        self._apply(text)
