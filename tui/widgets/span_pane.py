"""A pane of lines in several roles each, made for the space there is."""

from __future__ import annotations

from collections.abc import Callable

from .painted import Painted, Span

Lines = Callable[[int, int], list[list[Span]]]
"""returns at most so many lines (the second number) of so many cells (the first)"""


class SpanPane(Painted):
    """Lines that a function makes of width and height; of new ones only what changed is sent."""

    DEFAULT_CSS = "SpanPane { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word for it
        super().__init__(id=id)
        self._made: Lines = _nothing

    def show(self, made: Lines) -> None:
        """Show what this makes from now on."""
        self._made = made
        self.refresh_changed()

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return what there is space for."""
        return self._made(width, height)[:height]


def _nothing(_width: int, _height: int) -> list[list[Span]]:
    return []
