"""A text too long for a row, shown whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from ..widgets.frame import Frame, PaneKey
from ..widgets.symbols import Symbols
from ..widgets.text_pane import TextLine, TextPane
from .dialog import Dialog


class ReadScreen(Dialog[None]):
    """Lines to read; any key that leads back closes it."""

    DEFAULT_CSS = "ReadScreen > Frame { width: 100; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,enter,q", "leave", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, title: str, text: Sequence[TextLine], symbols: Symbols) -> None:
        super().__init__()
        self._heading = title
        self._text = text
        self._symbols = symbols

    def compose(self) -> ComposeResult:
        """Lay out title and text."""
        keys = (PaneKey("esc", "back"),)
        with Frame(symbols=self._symbols, title=self._heading, keys=keys):
            yield TextPane(self._text, symbols=self._symbols)

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll the text."""
        self.query_one(TextPane).scroll_by(lines)
