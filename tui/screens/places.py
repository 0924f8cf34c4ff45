"""Screens that are still to come: their places are kept."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from ..widgets.frame import Frame
from ..widgets.text_pane import TextPane
from .screen import AppScreen


class PlannedScreen(AppScreen):
    """A screen that says what to use meanwhile."""

    words: ClassVar[tuple[str, ...]] = ()

    def body(self) -> ComposeResult:
        """Yield the words."""
        with Frame(symbols=self.app.symbols, title=self.heading(), id="list"):
            yield TextPane(self.words, symbols=self.app.symbols)


class CompareScreen(PlannedScreen):
    """Compare."""

    scope = "compare"
    words = (
        "Comparing models is not here yet.",
        "",
        "Until then: scan the same files with two profiles, then in the shell:",
        "",
        "  sightline diff SCAN SCAN              what changed between their answers",
        "  sightline score SCAN --reference FILE    captions against references",
    )
