"""The line a query is typed in, with the queries before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from .entry import Entry


class QueryEntry(Entry):
    """An Entry whose former lines come back with up and down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "former(-1)", show=False),
        Binding("down", "former(1)", show=False),
    ]

    def __init__(self, value: str = "", *, placeholder: str = "", id: str) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id)
        self._history: list[str] = []
        self._place = 0
        self._typed = ""

    def remember(self, history: Sequence[str]) -> None:
        """Take the former lines, the newest last."""
        self._history = list(history)
        self._place = len(self._history)

    def action_former(self, by: int) -> None:
        """Show the former or the next line; after the last, what was being typed."""
        if self._place == len(self._history):
            self._typed = self.value
        self._place = max(0, min(self._place + by, len(self._history)))
        at_end = self._place == len(self._history)
        self.value = self._typed if at_end else self._history[self._place]
        self.cursor_position = len(self.value)
