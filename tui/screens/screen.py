"""What every screen is: a row of tabs, its own panes, and a row of keys, which news may take.

A screen draws on a clock and only what changed. While the link does not keep up it draws less, and
a screen that is not shown draws nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Input, Label

from core.errors import SightlineError
from core.text import clean, counted

from ..keys import actions
from ..widgets.cells import safe
from ..widgets.entry import Entry
from ..widgets.frame import Frame
from ..widgets.line import Line
from ..widgets.text_pane import TextPane
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .narrowing import Narrowing
from .reporting import ask_for_report
from .status import StatusScreen

if TYPE_CHECKING:
    from core.protocol.queries import Query
    from core.protocol.replies import Page


SLOW_BYTES = 4096
"""with so much waiting to be sent, only the rows around the panes are drawn"""
FOLLOW_SHARE = 0.4
"""of the clock's period: the least time between two pictures drawn out of turn"""
_OF_LISTS = ("move.", "mark.", "find.", "pane.", "list.", "app.jump")
"""actions that need a list to be done in"""


class AppScreen(StatusScreen):
    """The base of the numbered screens."""

    AUTO_FOCUS = ""  # else the line to type in, which is not shown, would take the keys
    HORIZONTAL_BREAKPOINTS = ((0, "-narrow"), (100, "-wide"), (140, "-xwide"))  # type: ignore[assignment]
    VERTICAL_BREAKPOINTS = ((0, "-tiny"), (12, "-low"), (16, "-short"), (32, "-tall"))  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._clock: Timer | None = None
        self._followed_at = 0.0
        self._soon: Timer | None = None
        self._typing: Callable[[str], None] | None = None
        self._live: Narrowing | None = None
        self.filter_text = self.kept("filter", "")
        self._bindings = BindingsMap(actions.bindings_for(self.scope, self.app.keymap))
        # Textual would style all twice: without these classes, and with them.
        width, height = self.app.size
        for size, points in (
            (width, self.HORIZONTAL_BREAKPOINTS), (height, self.VERTICAL_BREAKPOINTS)
        ):  # fmt: skip
            self.add_class([n for least, n in points if size >= least][-1], update=False)
        if self.is_small():
            self.add_class("-bare", update=False)

    # What a screen says of itself

    def body(self) -> ComposeResult:
        """Yield the screen's own widgets."""
        raise NotImplementedError

    def draw(self) -> None:
        """Bring what is shown up to date; called on the clock. What changes by keys only stays."""

    def set_filter(self, text: str) -> None:
        """Narrow the list."""
        self.filter_text = text

    def narrow(self, text: str) -> None:
        """Narrow the list by what is typed so far."""
        self.set_filter(text)

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return (text, what it is) of what can be copied here."""
        return []

    def to_remember(self) -> dict[str, Any]:
        """Return what this screen wants back when the app is opened again."""
        table = self.table()
        kept: dict[str, Any] = {"filter": self.filter_text}
        if table is not None and table.cursor_key is not None:
            kept |= {"key": table.cursor_key, "index": table.cursor_index}
        return {f"{self.scope}.{name}": value for name, value in kept.items()}

    # Shared

    def kept(self, name: str, otherwise: Any) -> Any:
        """Return what was kept when the app was left, if it is of the right kind."""
        found = self.app.kept.get(f"{self.scope}.{name}", otherwise)
        return found if isinstance(found, type(otherwise)) else otherwise

    def compose(self) -> ComposeResult:
        """Lay out the lines around the body."""
        signs = self.app.symbols
        yield Line(id="tabs", symbols=signs, ground="raised")
        yield TextPane(symbols=signs, id="trouble")
        yield from self.body()
        with Horizontal(id="asking"):
            yield Label(id="prompt", markup=False)
            yield Entry(id="entry")
        yield Line(id="keys", symbols=signs, ground="raised")

    def on_mount(self) -> None:
        """Go back to where the cursor was, and start drawing."""
        self.arrange_panes()
        table = self.table()
        if table is not None:
            table.focus()
            if self.kept("key", ""):
                table.return_to(self.kept("key", ""), max(self.kept("index", 0), 0))
        self._clock = self.set_interval(self.app.draw_seconds, self._tick)
        self.call_after_refresh(self._tick)
        if self.app.news:
            self.call_after_refresh(self.say, self.app.news.pop(0), bad=True)

    def on_screen_suspend(self) -> None:
        """Draw nothing while another screen is shown."""
        if self._clock is not None:
            self._clock.pause()

    def on_screen_resume(self) -> None:
        """Draw again."""
        if self._clock is not None:
            self._clock.resume()
            self._tick()

    def restart_clock(self) -> None:
        """Draw at the app's present rate."""
        if self._clock is not None:
            self._clock.stop()
        self._clock = self.set_interval(self.app.draw_seconds, self._tick)

    def work(self, job: Coroutine[Any, Any, Any], done: str = "") -> None:
        """Do something with the engine; what goes wrong is said in the row of keys."""
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

    async def fetch(self, query: Query, first: int, last: int) -> Page:
        """Return a page of a list from the engine."""
        return await self.app.bridge.ask(replace(query, first=first, last=last))

    # Typing a line

    def ask(
        self, prompt: str, given: str, then: Callable[[str], None], live: Narrowing | None = None
    ) -> None:
        """Let the user type a line; `then` gets it when enter is pressed, `live` every change."""
        self._typing, self._live = then, live
        entry = self.query_one("#entry", Entry)
        entry.fill(prompt, given)
        self.query_one("#prompt", Label).update(safe(prompt))
        self._show_prompt()
        self.add_class("-asking")
        entry.focus()

    @on(Input.Changed, "#entry")
    def _show_prompt(self) -> None:
        typed = self.query_one("#entry", Entry).value
        self.query_one("#prompt").display = bool(typed)
        if self._live is not None:
            self._live.typed(typed)

    @on(Input.Submitted, "#entry")
    def _typed(self, event: Input.Submitted) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        then, _ = self._typing, self._close_entry()
        if then is not None:
            then(event.value)

    def _close_entry(self) -> bool:
        if not self.has_class("-asking"):
            return False
        if self._live is not None:
            self._live.undo()
        self._typing = self._live = None
        self.remove_class("-asking")
        self.set_focus(self._asked_from())
        return True

    def _asked_from(self) -> Any:
        """Return the list to go back to after a line was typed."""
        return self.table()

    @on(Frame.Pressed)
    @on(Line.Pressed)
    def _pressed(self, event: Line.Pressed | Frame.Pressed) -> None:
        self.app.act(event.action)

    # Actions every screen has

    def searching(self) -> bool:
        """Return whether a filter is on."""
        return bool(self.filter_text)

    def handler(self, action_id: str) -> Callable[[], None] | None:
        """Return what does an action here, or None."""
        if self.table() is None and action_id.startswith(_OF_LISTS):
            return None
        found: Callable[[], None] | None = getattr(self, f"act_{action_id.replace('.', '_')}", None)
        return found

    def action_act(self, action_id: str) -> None:
        """Do one action of the registry."""
        self.app.act(action_id)

    def act_app_help(self) -> None:
        """Offer available actions, now."""
        here = actions.actions_here(self.scope)
        self._menu("Available actions", (a for a in here if not self.app.why_not(a)))

    def act_app_palette(self) -> None:
        """Offer everything by name."""
        self._menu("Run a command", (a for a in actions.ACTIONS if self.app.reachable(a)))

    def selected_scan(self) -> int:
        """Return the number of the scan that is selected here, 0 for none."""
        return 0

    def act_queue_report(self) -> None:
        """Write what a maintainer needs to reproduce a fault in a scan, after asking where."""
        self.work(ask_for_report(self))

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

        self.app.push_screen(ChooseScreen("Copy", numbered, self.app.symbols), chosen)

    def act_app_back(self) -> None:
        """Undo the last of: typing, filter, zoom."""
        if self._close_entry():
            return
        if self.filter_text:
            self.set_filter("")
        else:
            self._give("")

    def act_find_filter(self) -> None:
        """Type a filter."""
        live = Narrowing(self, self.narrow)
        self.ask("filter (words, conditions):", self.filter_text, self.set_filter, live)

    def _menu(self, title: str, offered: Iterable[actions.Action]) -> None:
        keys = self.app.keymap
        choices = [(each.id, f"{' '.join(keys[each.id]):<10} {each.title}") for each in offered]

        def chosen(action_id: str | None) -> None:
            if action_id is not None:
                self.app.act(action_id)

        self.app.push_screen(ChooseScreen(title, choices, self.app.symbols), chosen)

    # Drawing

    @on(VirtualTable.CursorMoved)
    def draw_soon(self) -> None:
        """Draw out of turn: what is said of a row follows the cursor, and rows that came.

        At once, or as soon as that is no faster than one can read.
        """
        if self._soon is not None:
            return
        early = self._followed_at + FOLLOW_SHARE * self.app.draw_seconds - time.monotonic()
        if early <= 0:
            self._follow()
        else:
            self._soon = self.set_timer(early, self._follow)

    def _follow(self) -> None:
        self._soon, self._followed_at = None, time.monotonic()
        self._tick()

    def _tick(self) -> None:
        if not self.is_shown or not self.is_drawable:
            return
        link = self.app.link
        if link is not None and link.stalled:  # whatever is sent now would be left out
            return
        if link is None or link.backlog_bytes <= SLOW_BYTES:
            self.draw()
        if self.app.bridge.recovered:
            self.app.bridge.recovered = False
            self.say("the engine was restarted; r on a stopped source continues its scan")
        # It waits for its turn: an answer to a key comes first.
        if not self.says_something() and (missed := self.app.meter.missed(link)):
            self.say(
                f"the link stalled and {counted(missed, 'frame was', 'frames were')} left out; "
                "the engine continued"
            )
        self.draw_status()

    def on_resize(self, _event: events.Resize) -> None:
        """Redraw once the terminal has its new size."""
        self.arrange_panes()
        self.call_after_refresh(self._tick)
