"""A list to choose from, narrowed by typing: menus, the palette, and questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from ..widgets.columns import Column
from ..widgets.entry import Entry
from ..widgets.frame import Frame, PaneKey
from ..widgets.rows import ListSource, Row
from ..widgets.symbols import Symbols
from ..widgets.virtual_table import VirtualTable
from .dialog import Dialog

KEYS = (PaneKey("enter", "choose"), PaneKey("esc", "back"))


class ChooseScreen(Dialog[str | None]):
    """Returns the key chosen, or None."""

    DEFAULT_CSS = "ChooseScreen > Frame { width: 76; height: 20; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "leave", show=False),
        Binding("down,ctrl+n", "move(1)", show=False, priority=True),
        Binding("up,ctrl+p", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(10)", show=False, priority=True),
        Binding("pageup", "move(-10)", show=False, priority=True),
    ]

    def __init__(
        self, title: str, choices: Sequence[tuple[str, str]], symbols: Symbols, *,
        shown: Callable[[str], None] | None = None, at: str = "",
    ) -> None:  # fmt: skip
        """Begin at the choice `at`; `shown` is called with each choice the cursor comes to."""
        super().__init__()
        self._preview = shown
        self._at = at
        self._title = title
        self._choices = choices
        self._symbols = symbols
        self._source = ListSource(narrowed(choices, ""))

    def compose(self) -> ComposeResult:
        """Lay out title, entry and list."""
        with Frame(symbols=self._symbols, title=self._title, keys=KEYS):
            yield Entry(placeholder="type to filter", id="narrow")
            yield VirtualTable(
                (Column("", None),), self._source, symbols=self._symbols, header=False, lit=True,
                empty="no match",
            )  # fmt: skip

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Input).focus()
        self.query_one(VirtualTable).cursor_to_key(self._at)

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    def action_move(self, rows: int) -> None:
        """Move the cursor of the list while typing."""
        self.query_one(VirtualTable).cursor_by(rows)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self._source.show(narrowed(self._choices, event.value))
        table = self.query_one(VirtualTable)
        table.source_changed()
        table.first()

    @on(Input.Submitted)
    def _entered(self, _event: Input.Submitted) -> None:
        self.dismiss(self.query_one(VirtualTable).cursor_key)

    @on(VirtualTable.CursorMoved)
    def _seen(self, event: VirtualTable.CursorMoved) -> None:
        if self._preview is not None and event.key is not None and event.key != self._at:
            self._at = event.key
            self._preview(event.key)

    @on(VirtualTable.Activated)
    def _clicked(self, event: VirtualTable.Activated) -> None:
        self.dismiss(event.key)


def narrowed(choices: Sequence[tuple[str, str]], text: str) -> list[Row]:
    """Return the choices that hold all words, those that are called so first."""
    words = text.casefold().split()
    # What is called so comes before what is only described so.
    ranked = sorted(choices, key=lambda each: _rank(each[0], text.strip().casefold()))
    return [
        Row(key, (shown,))
        for key, shown in ranked
        if all(word in f"{key} {shown}".casefold() for word in words)
    ]


def _rank(key: str, text: str) -> int:
    """Return 0 for the choice that is called so, 1 for one whose name begins so, else 2."""
    name = key.casefold()
    return 2 if not text else 0 if name == text else 1 if name.startswith(text) else 2
