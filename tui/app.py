"""The app: which screens there are, and which keys do what."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import BindingsMap
from textual.screen import Screen
from textual.widget import Widget

from core.config.user_settings import config_folder
from core.text import clean_path

from .bridge import Bridge
from .keys.actions import (
    BY_ID,
    CONDITIONS,
    EVERYWHERE,
    SCREENS,
    Action,
    Keymap,
    bindings_for,
)
from .leaving import LeavingApp
from .look.choice import Themes
from .look.styles import DEFAULT_LOOK, Look
from .screens.table import SCREEN_CLASSES
from .session import load
from .start_options import StartOptions
from .terminal.clipboard import copy
from .terminal.meter import LinkMeter
from .widgets.symbols import ASCII, UNICODE, Symbols
from .widgets.tight import tight

if TYPE_CHECKING:
    from rich.console import RenderableType

    from core.protocol.commands import SubmitScan, WatchFolder

    from .screens.screen import AppScreen
    from .terminal.probe import TerminalFacts

LOCAL_SECONDS, SSH_SECONDS, SLOW_SECONDS = 0.25, 0.5, 2.0
KEEP_SECONDS = 5.0


class SightlineApp(LeavingApp):
    """A viewer of one engine."""

    TITLE = "sightline"
    ENABLE_COMMAND_PALETTE = False
    NOTIFICATION_TIMEOUT = 6
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = dict(SCREEN_CLASSES)
    CSS_PATH = Path(__file__).parent / "screens" / "screen.tcss"
    CSS = """
    Screen { background: $ground; } * { scrollbar-size: 0 0; }
    """

    def __init__(self, options: StartOptions, facts: TerminalFacts | None = None) -> None:
        self.kept: dict[str, Any] = load(options.state_folder)
        """what screens want back after the app was left and opened again"""
        self.options = options
        # Screen and theme are settled before anything is drawn: each change restyles everything.
        self.DEFAULT_MODE = self._first_screen()  # type: ignore[misc]
        super().__init__()
        self.facts = facts
        self.keymap: Keymap = options.keymap
        self.profile = options.profile
        self.symbols: Symbols = ASCII if _is_ascii(options, facts) else UNICODE
        self.draw_seconds = _draw_seconds(options, facts)
        self.bridge = Bridge(
            options.library, readonly=options.readonly, poll_seconds=self.draw_seconds
        )
        self.pictures_allowed = not options.low_bandwidth
        self.meter = LinkMeter()
        self._former = ""
        self._mouse_taken = True
        self._bindings = BindingsMap(bindings_for(EVERYWHERE, self.keymap))
        self.set_class(self.symbols is ASCII, "-ascii")
        self._themes = Themes(config_folder(), facts, no_color=self.no_color)
        self.news = list(self._themes.faults)
        """what is to be said once there is a screen to say it on"""
        for theme in self._themes.textual():
            self.register_theme(theme)
        self.look: Look = DEFAULT_LOOK
        self.show_theme(self._first_theme(), at_once=True)
        self.profile = self._kept_text("profile") or self.profile

    @property
    def current_screen(self) -> AppScreen | None:
        """The numbered screen that is shown, under whatever is open over it."""
        from .screens.screen import AppScreen

        return next((s for s in reversed(self.shown) if isinstance(s, AppScreen)), None)

    @property
    def shown(self) -> list[Screen[Any]]:
        """What is shown, the topmost last; empty on the way to another screen, and out."""
        return self._screen_stacks.get(self.current_mode, [])

    def on_mount(self) -> None:
        """Attach to the engine once there is something to see."""
        self.call_after_refresh(self._meet_engine)
        self.call_after_refresh(_collect_garbage_again)
        self.set_interval(KEEP_SECONDS, self._keep)
        if self.options.submit is not None:
            self.run_worker(self._submit_first(self.options.submit))

    def _meet_engine(self) -> None:
        self._attachment = asyncio.ensure_future(self.bridge.run())

    def _first_screen(self) -> str:
        if self.options.submit is not None:  # what was asked for now is what one wants to see
            for name in ("queue.key", "queue.index", "queue.filter"):
                self.kept.pop(name, None)
            return "queue"
        first = self.options.screen or self._kept_text("screen")
        return first if first in SCREENS else "queue"

    def _kept_text(self, name: str) -> str:
        found = self.kept.get(name, "")
        return found if isinstance(found, str) else ""

    def _first_theme(self) -> str:
        """Return the theme of the settings, else the one chosen last, else what suits."""
        name, fault = self._themes.first(self.options.theme, self._kept_text("theme"))
        self.news += [fault] if fault else []
        return name

    def show_theme(self, name: str, *, at_once: bool = False) -> None:
        """Draw everything in a theme; `at_once` before anything was drawn."""
        self.theme_name, self.look = name, self._themes.look(name)
        if at_once:
            self.begin_with(name)
            return
        self.theme = name
        for screen in self.shown:
            for widget in screen.walk_children(Widget):
                widget.refresh()

    async def _submit_first(self, command: SubmitScan | WatchFolder) -> None:
        while self.bridge.connection == "starting":
            await asyncio.sleep(0.05)
        screen = self.current_screen
        if screen is not None:
            screen.work(self.submit(command))

    async def submit(self, command: SubmitScan | WatchFolder) -> str:
        """Ask for a scan or a watch; return what to say about it. Raises SightlineError."""
        from core.protocol.commands import WatchFolder

        accepted = await self.bridge.ask(command)
        if isinstance(command, WatchFolder):
            return f"watching {clean_path(command.folder)}"
        return f"scan {accepted.scan} is in the queue"

    # Actions

    def action_act(self, action_id: str) -> None:
        """Do one action of the registry."""
        self.act(action_id)

    def act(self, action_id: str) -> None:
        """Do one action of the registry, here and now, or say why not."""
        action, screen = BY_ID[action_id], self.current_screen
        if screen is None:
            return
        handler = self.handler(action_id)
        if handler is None and self.reachable(action):
            self.go(action.scopes[0])
            self.call_after_refresh(self.act, action_id)
            return
        why = self.why_not(action)
        if why or handler is None:
            screen.say(why)
            return
        handler()

    def handler(self, action_id: str) -> Callable[[], None] | None:
        """Return what does an action here, or None."""
        group, _, name = action_id.partition(".")
        if group == "screen" and name in SCREENS:
            return lambda: self.go(name)
        if self.current_screen is None or not self.current_screen.is_drawable:
            return None
        own: Callable[[], None] | None = getattr(self, f"act_{group}_{name}", None)
        return self.current_screen.handler(action_id) or own

    def reachable(self, action: Action) -> bool:
        """Return whether an action can be done from here, if need be by going to its screen."""
        elsewhere = EVERYWHERE not in action.scopes and not action.when
        return self.handler(action.id) is not None or elsewhere

    def why_not(self, action: Action) -> str:
        """Return why an action is not offered now, or an empty string."""
        if self.handler(action.id) is None:
            return f"{action.title}: not on this screen"
        if action.writes and self.options.readonly:
            return "connected with --readonly: changes are not allowed"
        condition = getattr(self.current_screen, action.when, None) if action.when else None
        if action.when and (condition is None or not condition()):
            return f"{action.title}: only when {CONDITIONS[action.when]}"
        return ""

    def go(self, name: str) -> None:
        """Show another screen."""
        here = self.current_mode
        if name != here:
            self._former = here
            self.kept["screen"] = name
            self.switch_mode(name)

    def act_screen_former(self) -> None:
        """Show the former screen."""
        if self._former:
            self.go(self._former)

    async def on_event(self, event: events.Event) -> None:
        """Take keys while labels to jump to are shown; any key takes an error away."""
        screen = (
            self.current_screen
            if isinstance(event, events.Key) and not event.is_forwarded
            else None
        )
        if (
            isinstance(event, events.Key)
            and screen is not None
            and screen.jumping
            and screen.is_shown
        ):
            screen.jump_key(event)
            return
        if isinstance(event, events.Key) and screen is not None:
            screen.key_pressed()
        await super().on_event(event)

    def act_app_redraw(self) -> None:
        """Redraw everything."""
        self.screen.refresh(layout=True)

    def act_app_low_bandwidth(self) -> None:
        """Send less, or as usual."""
        slow = self.draw_seconds < SLOW_SECONDS
        self.draw_seconds = SLOW_SECONDS if slow else _draw_seconds(self.options, self.facts)
        self.bridge.poll_seconds = self.draw_seconds
        self.pictures_allowed = not slow
        if self.current_screen is not None:
            self.current_screen.restart_clock()
            self.current_screen.say(
                "drawing every two seconds, no pictures" if slow else "drawing at the usual rate"
            )

    def act_app_theme(self) -> None:
        """Choose the theme, and see each while choosing."""
        from .screens.choose import ChooseScreen

        before = self.theme_name

        def chosen(name: str | None) -> None:
            if name is None:
                self.show_theme(before)
                return
            self.show_theme(name)
            self.kept["theme"] = name
            if self.current_screen is not None:
                self.current_screen.say(self._themes.chosen(name, self.options.theme))

        choices = self._themes.choices()
        self.push_screen(
            ChooseScreen("Theme", choices, self.symbols, shown=self.show_theme, at=before), chosen
        )

    def act_app_mouse(self) -> None:
        """Switch the mouse."""
        self._mouse_taken = not self._mouse_taken
        self.set_mouse(self._mouse_taken)
        if self.current_screen is not None:
            word = "used by the app" if self._mouse_taken else "released to the terminal"
            self.current_screen.say(f"the mouse is {word}")

    def copy_text(self, text: str) -> None:
        """Copy a text by escape sequence and into a file, and say so."""
        said = copy(self.send_to_terminal, text, self.options.state_folder)
        if self.current_screen is not None:
            self.current_screen.say(said)

    # Drawing

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Send of a partial update only what changed."""
        super()._display(screen, tight(renderable))

    def get_loading_widget(self) -> Any:
        """Return a still word, where Textual would spin."""
        from textual.widgets import Static

        return Static("loading", markup=False)


def _collect_garbage_again() -> None:
    """Undo what `entry.py` did for a quick start; what is there now is there to stay.

    In a process that did not start for the app, nothing is frozen: what others loaded there
    (triton, with torchvision) must be freed when it ends, or it complains of leaks.
    """
    if gc.isenabled():
        return
    gc.freeze()
    gc.enable()


def _is_ascii(options: StartOptions, facts: TerminalFacts | None) -> bool:
    return options.ascii or (facts is not None and not facts.unicode)


def _draw_seconds(options: StartOptions, facts: TerminalFacts | None) -> float:
    if options.low_bandwidth:
        return SLOW_SECONDS
    if options.draw_seconds:
        return options.draw_seconds
    return SSH_SECONDS if facts is not None and facts.ssh else LOCAL_SECONDS
