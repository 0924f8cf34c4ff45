"""The two rows around the panes: tabs above; below the keys, or in their place news or a prompt."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len

from core.text import clean

from ..keys import actions
from ..views import chrome, wording
from ..widgets.frame import Frame, PaneKey
from ..widgets.line import Content, Line, LineSpan, parts_of, width_of
from ..widgets.text_pane import TextPane
from .panes import PaneScreen

if TYPE_CHECKING:
    from core.protocol.state import EngineState

NOTE_SECONDS = 4.0
"""news takes the row of keys for so long"""
ERROR_SECONDS = 1.0
"""an error stays until a key is pressed, but at least for so long"""


class StatusScreen(PaneScreen):
    """A screen that shows where one is, what can be done, and what there is to report."""

    scope: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self._note: tuple[str, float, bool] = ("", 0.0, False)
        self._said_at = 0.0

    # What a screen says of itself

    def heading(self) -> str:
        """Return the title of the first pane."""
        return actions.SCREENS[self.scope]

    def summary(self) -> Content:
        """Return the facts beside that title."""
        return ""

    def aside(self) -> Content:
        """Return what stands right of the facts."""
        return ()

    def place(self) -> str:
        """Return where the cursor is among the rows."""
        table = self.table()
        if table is None or not table.row_count:
            return ""
        signs = self.app.symbols
        here, of = (wording.number(n, signs) for n in (table.cursor_index + 1, table.row_count))
        return f"{here} of {of}"

    def pane_keys(self) -> Sequence[PaneKey]:
        """Return the keys in the edge of the first pane."""
        return ()

    def hidden(self) -> set[str]:
        """Return the ids of the key row's actions that cannot be done now."""
        offered = (a for a in actions.actions_here(self.scope) if a.footer)
        return {a.id for a in offered if self.app.why_not(a)}

    # Shared

    @property
    def state(self) -> EngineState | None:
        """The engine as it was when it was last looked at."""
        return self.app.bridge.state

    @property
    def is_drawable(self) -> bool:
        """Return whether there is anything to draw into: mounted, and not being unmounted.

        What was asked for may still arrive while an app that ends removes its widgets.
        """
        return self.is_mounted and len(self.children) > 0

    @property
    def is_shown(self) -> bool:
        """Return whether nothing is open over this screen."""
        return self.app.shown[-1:] == [self]

    # News

    def say(self, text: str, *, bad: bool = False) -> None:
        """Show a sentence in place of the keys for a while; what is `bad`, until a key."""
        self._said_at = time.monotonic()
        self._note = (text, math.inf if bad else self._said_at + NOTE_SECONDS, bad)
        self.draw_status()

    def key_pressed(self) -> None:
        """Take an error away once it was seen."""
        text, until, bad = self._note
        if bad and math.isinf(until) and self.is_shown:
            end = self._said_at + ERROR_SECONDS
            self._note = (text, end, bad)
            if end <= time.monotonic():
                self.call_after_refresh(self.draw_status)

    def says_something(self) -> bool:
        """Return whether an answer is shown that nothing may take the place of."""
        text, until, _ = self._note
        return bool(text) and time.monotonic() < until

    # Drawing

    def draw_status(self) -> None:
        """Bring both rows, and the edge of the first pane, up to date."""
        if not self.is_drawable:
            return
        width = self.size.width
        self._draw_trouble()
        self.query_one("#tabs", Line).show(*chrome.tabs(self.app, self.scope, width))
        self._draw_frame()
        self.query_one("#keys", Line).show(*self._key_row(width))

    def _draw_frame(self) -> None:
        """Show in the edge of the first pane what there is to say of it."""
        facts = self._filter_parts()
        if self.app.bridge.state is not None:
            facts += parts_of(self.summary())
        self.query_one("#list", Frame).show(
            self.heading(), facts, self.aside(), self.place(), self.pane_keys()
        )

    def _draw_trouble(self) -> None:
        """Say in full, above everything, why there is no engine."""
        bridge = self.app.bridge
        lost = bridge.connection in ("lost", "stopped", "failed")
        words = bridge.trouble if lost else self._long_note()
        self.set_class(bool(words), "-trouble")
        self.query_one("#trouble", TextPane).show([("bad", clean(words))] if words else [])

    def _long_note(self) -> str:
        """Return the error that is shown, if it is too long for one row."""
        text, until, bad = self._note
        long = bad and cell_len(text) > self.size.width - 2
        return text if long and time.monotonic() < until else ""

    def _key_row(self, width: int) -> tuple[list[LineSpan], list[LineSpan]]:
        """Return the row of keys, or the news in its place, and the facts right of it."""
        text, _, bad = self._note
        right = self._facts(width)
        if self.says_something() and not self._long_note():  # that is shown above, in full
            return [LineSpan(f" {text}", "bad" if bad else "strong")], right
        return self._key_parts(width - width_of(right) - bool(right)), right

    def _facts(self, width: int) -> list[LineSpan]:
        """Return what is wrong, if the row of tabs has no space for it, and the facts."""
        troubles = [] if width >= chrome.WIDE else chrome.troubles(self.app)
        facts = self.key_facts()
        return [*troubles, *([LineSpan(f"  {facts}")] if facts else [])]

    def _key_parts(self, width: int) -> list[LineSpan]:
        items = actions.footer_items(self.scope, self.app.keymap, width, hidden=self.hidden())
        parts = [LineSpan(" ")]
        for number, item in enumerate(items):
            gap = "  " if number < len(items) - 1 else ""
            parts += [
                LineSpan(item.key, "key", item.action),
                LineSpan(f" {item.word}{gap}", "dim", item.action),
            ]
        return parts

    def _filter_parts(self) -> list[LineSpan]:
        """Return the filter; before all facts, so that it is in view on narrow terminals."""
        if not self.filter_text:
            return []
        return [LineSpan("filter: ", "dim"), LineSpan(f"{self.filter_text}  ", "key")]
