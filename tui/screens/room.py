"""What every screen is: title, tabs, a summary, its own body, and two lines of status and keys.

A screen draws on a clock and only what changed. While the link does not keep up it draws less, and
a screen that is not shown draws nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from core.errors import SightlineError
from core.queries import Page, Query
from core.state import EngineState
from core.text import clean

from .. import actions
from ..views import chrome
from ..widgets.line import Line, Part
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen

if TYPE_CHECKING:
    from ..app import SightlineApp

NOTE_SECONDS = 8.0
SLOW_BYTES = 4096
"""with so much waiting to be sent, only the status line is drawn"""


class Room(Screen[None]):
    """The base of the numbered screens."""

    scope: ClassVar[str] = ""
    app: SightlineApp
    CSS_PATH = "room.tcss"
    HORIZONTAL_BREAKPOINTS = ((0, "-narrow"), (100, "-wide"), (140, "-xwide"))  # type: ignore[assignment]
    VERTICAL_BREAKPOINTS = ((0, "-tiny"), (12, "-short"), (32, "-tall"))  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._clock: Timer | None = None
        self._note: tuple[str, float, bool] = ("", 0.0, False)
        self._typing: Callable[[str], None] | None = None
        self.filter_text = ""
        self._bindings = BindingsMap(actions.bindings_for(self.scope, self.app.keymap))

    # What a screen says of itself

    def body(self) -> ComposeResult:
        """Yield the screen's own widgets."""
        raise NotImplementedError

    def draw(self) -> None:
        """Bring what is shown up to date; called on the clock."""
        raise NotImplementedError

    def summary(self) -> str:
        """Return what goes on here, in a line."""
        return ""

    def table(self) -> VirtualTable | None:
        """Return the list that keys move in."""
        tables = self.query(VirtualTable)
        return tables.first() if tables else None

    def set_filter(self, text: str) -> None:
        """Narrow the list."""
        self.filter_text = text

    # Shared

    @property
    def state(self) -> EngineState | None:
        """The engine as it was when it was last looked at."""
        return self.app.bridge.state

    def compose(self) -> ComposeResult:
        """Lay out the lines around the body."""
        signs = self.app.symbols
        yield Line(id="title", symbols=signs)
        yield Line(id="tabs", symbols=signs)
        yield Line(id="summary", symbols=signs)
        yield from self.body()
        entry = Input(id="entry")
        entry.cursor_blink = False
        yield entry
        yield Line(id="link", symbols=signs)
        yield Line(id="keys", symbols=signs)

    def on_mount(self) -> None:
        """Start drawing."""
        table = self.table()
        if table is not None:
            table.focus()
        self._clock = self.set_interval(self.app.draw_seconds, self._tick)
        self.call_after_refresh(self._tick)

    def on_screen_suspend(self) -> None:
        """Draw nothing while another screen is shown."""
        if self._clock is not None:
            self._clock.pause()

    def on_screen_resume(self) -> None:
        """Draw again."""
        if self._clock is not None:
            self._clock.resume()
            self._tick()

    def say(self, text: str, *, bad: bool = False) -> None:
        """Show a sentence in the status line for a while."""
        self._note = (text, time.monotonic() + NOTE_SECONDS, bad)
        self._draw_status()

    def ask(self, prompt: str, given: str, then: Callable[[str], None]) -> None:
        """Let the user type a line; `then` gets it when enter is pressed."""
        self._typing = then
        entry = self.query_one("#entry", Input)
        entry.placeholder = prompt
        entry.value = given
        entry.add_class("-open")
        entry.focus()

    def work(self, job: Coroutine[Any, Any, Any], done: str = "") -> None:
        """Do something with the engine; what goes wrong is said in the status line."""
        self.run_worker(self._guarded(job, done), exit_on_error=True)

    async def _guarded(self, job: Coroutine[Any, Any, Any], done: str) -> None:
        try:
            said = await job
        except SightlineError as error:
            self.say(str(error), bad=True)
            return
        if isinstance(said, str) or done:
            self.say(said if isinstance(said, str) else done)
        self._tick()

    @on(Input.Submitted, "#entry")
    def _typed(self, event: Input.Submitted) -> None:
        then = self._typing
        self._close_entry()
        if then is not None:
            then(event.value)

    def _close_entry(self) -> bool:
        entry = self.query_one("#entry", Input)
        if not entry.has_class("-open"):
            return False
        self._typing = None
        entry.remove_class("-open")
        table = self.table()
        if table is not None:
            table.focus()
        return True

    @on(Line.Pressed)
    def _pressed(self, event: Line.Pressed) -> None:
        self.app.act(event.action)

    async def fetch(self, query: Query, first: int, last: int) -> Page:
        """Return a page of a list from the engine."""
        return await self.app.bridge.rows(query, first, last)

    def restart_clock(self) -> None:
        """Draw at the app's present rate."""
        if self._clock is not None:
            self._clock.stop()
        self._clock = self.set_interval(self.app.draw_seconds, self._tick)

    def to_remember(self) -> dict[str, Any]:
        """Return what this screen wants back when the app is opened again."""
        return {f"{self.scope}.filter": self.filter_text}

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return (text, what it is) of what can be copied here."""
        return []

    # Conditions (see actions.CONDITIONS)

    def row_here(self) -> bool:
        """Tell whether a row is under the cursor."""
        table = self.table()
        return table is not None and table.cursor_key is not None

    def rows_marked(self) -> bool:
        """Tell whether a row is marked."""
        table = self.table()
        return table is not None and bool(table.marks)

    def two_marked(self) -> bool:
        """Tell whether exactly two rows are marked."""
        table = self.table()
        return table is not None and len(table.marks) == 2

    def searching(self) -> bool:
        """Tell whether a filter is on."""
        return bool(self.filter_text)

    # Actions every screen has

    def action_act(self, action_id: str) -> None:
        """Do one action of the registry."""
        self.app.act(action_id)

    def act_app_help(self) -> None:
        """Offer what can be done here, now."""
        self._menu("what can be done here", actions.actions_here(self.scope), only_now=True)

    def act_app_palette(self) -> None:
        """Offer everything by name."""
        self._menu("run a command", actions.ACTIONS, only_now=False)

    def act_copy_menu(self) -> None:
        """Choose what to copy."""
        choices = self.copy_choices()
        if not choices:
            self.say("nothing to copy here")
            return
        numbered = [(str(n), clean(shown, limit=300)) for n, (_, shown) in enumerate(choices)]

        def chosen(key: str | None) -> None:
            if key is not None:
                self.app.copy_text(choices[int(key)][0])

        self.app.push_screen(ChooseScreen("copy", numbered, self.app.symbols), chosen)

    def act_app_theme(self) -> None:
        """Choose the theme."""
        names = sorted(self.app.available_themes)

        def chosen(name: str | None) -> None:
            if name is not None:
                self.app.theme = self.app.kept["theme"] = name

        choices = [(name, name) for name in names]
        self.app.push_screen(ChooseScreen("theme", choices, self.app.symbols), chosen)

    def act_find_next(self) -> None:
        """Go to the next match: a filtered list holds nothing else."""
        self._move(lambda table: table.cursor_by(1))

    def act_find_former(self) -> None:
        """Go to the former match."""
        self._move(lambda table: table.cursor_by(-1))

    def act_pane_next(self) -> None:
        """Go to the next pane."""
        self.focus_next(VirtualTable)

    def act_pane_former(self) -> None:
        """Go to the former pane."""
        self.focus_previous(VirtualTable)

    def _menu(self, title: str, offered: Iterable[actions.Action], *, only_now: bool) -> None:
        choices = []
        for action in offered:
            if only_now and self.app.why_not(action):
                continue
            keys = " ".join(self.app.keymap[action.id])
            choices.append((action.id, f"{keys:<10} {action.title}"))

        def chosen(action_id: str | None) -> None:
            if action_id is not None:
                self.app.act(action_id)

        self.app.push_screen(ChooseScreen(title, choices, self.app.symbols), chosen)

    def act_app_back(self) -> None:
        """Undo the last of: typing, filter, zoom."""
        if self._close_entry():
            return
        if self.filter_text:
            self.set_filter("")
        elif self.has_class("-zoomed"):
            self.remove_class("-zoomed")

    def act_find_filter(self) -> None:
        """Type a filter."""
        self.ask("filter: words, score>0.5, kind:flash ...", self.filter_text, self.set_filter)

    def act_pane_zoom(self) -> None:
        """Give the list the whole screen, or take it back."""
        self.toggle_class("-zoomed")

    def act_move_down(self) -> None:
        """Move the cursor down."""
        self._move(lambda table: table.cursor_by(1))

    def act_move_up(self) -> None:
        """Move the cursor up."""
        self._move(lambda table: table.cursor_by(-1))

    def act_move_first(self) -> None:
        """Move to the first row."""
        self._move(lambda table: table.first())

    def act_move_last(self) -> None:
        """Move to the last row."""
        self._move(lambda table: table.last())

    def act_move_half_down(self) -> None:
        """Move down half a page."""
        self._move(lambda table: table.page(0.5))

    def act_move_half_up(self) -> None:
        """Move up half a page."""
        self._move(lambda table: table.page(-0.5))

    def act_move_page_down(self) -> None:
        """Move down a page."""
        self._move(lambda table: table.page(1))

    def act_move_page_up(self) -> None:
        """Move up a page."""
        self._move(lambda table: table.page(-1))

    def act_mark_toggle(self) -> None:
        """Mark the row, or take its mark away."""
        self._move(lambda table: table.toggle_mark())

    def act_mark_none(self) -> None:
        """Take all marks away."""
        self._move(lambda table: table.set_marks())

    def act_mark_range(self) -> None:
        """Mark from the last mark to here."""
        self._move(lambda table: table.mark_range())

    def act_list_open(self) -> None:
        """Open the row under the cursor."""
        self._move(lambda table: table.activate())

    def _move(self, change: Callable[[VirtualTable], object]) -> None:
        table = self.table()
        if table is not None:
            change(table)

    # Drawing

    def _tick(self) -> None:
        if not self.is_current or not self.is_mounted:
            return
        link = self.app.link
        waiting = link.backlog_bytes if link is not None else 0
        if link is None or not link.stalled:
            if waiting <= SLOW_BYTES:
                self.draw()
            self._draw_status()

    def _draw_status(self) -> None:
        if not self.is_mounted:
            return
        width = self.size.width
        self.query_one("#title", Line).show(*chrome.title(self.app.bridge))
        self.query_one("#tabs", Line).show(chrome.tabs(self.scope, width))
        self.query_one("#summary", Line).show(self.summary(), self._filter_words())
        self.query_one("#link", Line).show(*self._link_parts())
        self.query_one("#keys", Line).show(self._key_parts(width))

    def _key_parts(self, width: int) -> list[Part]:
        hidden = {a.id for a in actions.actions_here(self.scope) if self.app.why_not(a)}
        items = actions.footer_items(self.scope, self.app.keymap, width, hidden=hidden)
        parts = [Part(" ")]
        for item in items:
            parts += [
                Part(item.key, "strong", item.action),
                Part(f" {item.word}  ", "dim", item.action),
            ]
        return parts

    def _filter_words(self) -> str:
        return f"filter: {self.filter_text}" if self.filter_text else ""

    def _link_parts(self) -> tuple[list[Part], str]:
        text, until, bad = self._note
        right = chrome.link(self.app)
        if text and time.monotonic() < until:
            return [Part(f" {text}", "bad" if bad else "strong")], right
        return chrome.status(self.app.bridge), right

    def on_resize(self, _event: events.Resize) -> None:
        """Draw anew once the terminal has its new size."""
        self.call_after_refresh(self._tick)
