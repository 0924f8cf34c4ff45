"""Leaving the app: what becomes of running work, and what is there again the next time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from core.errors import SightlineError
from core.text import counted

from .session import save
from .terminal.safe_app import SafeApp
from .views import chrome

if TYPE_CHECKING:
    from core.protocol.requests.engine import StopHow

    from .bridge import Bridge
    from .screens.screen import AppScreen
    from .start_options import StartOptions
    from .widgets.symbols import Symbols

TWICE_SECONDS = 2.0


class LeavingApp(SafeApp[None]):
    """An app that is left in one of several ways; its work continues in the engine."""

    bridge: Bridge
    options: StartOptions
    symbols: Symbols
    kept: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self._written = dict(self.kept)
        self._interrupted_at = -TWICE_SECONDS
        self._attachment: asyncio.Task[None] | None = None

    @property
    def current_screen(self) -> AppScreen | None:
        """The numbered screen that is shown, under whatever is open over it."""
        raise NotImplementedError

    def copy_text(self, text: str) -> None:
        """Copy a text, and say so."""
        raise NotImplementedError

    def act_app_detach(self) -> None:
        """Leave; the engine keeps running."""
        self.leave()

    def act_app_quit(self) -> None:
        """Leave, and ask what becomes of running work."""
        state = self.bridge.state
        jobs = [job for job in state.jobs if not job.standing] if state else []
        if not jobs or self.options.readonly:
            self.leave()
            return
        from .screens.choose import ChooseScreen

        kind = "scan" if all(job.kind == "scan" for job in jobs) else "job"
        self.push_screen(
            ChooseScreen(
                f"{counted(len(jobs), f'{kind} is', f'{kind}s are')} running or waiting",
                (
                    ("detach", "Detach: leave them running; reconnect with `sightline`"),
                    ("after_source", "Stop after the current sources"),
                    ("now", "Stop now, after the current microbatch; `runs resume` continues"),
                ),
                self.symbols,
            ),
            self._quit_as,
        )

    def act_app_interrupt(self) -> None:
        """Copy what is selected, else leave; the second time within two seconds, at once."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_text(selected)
            return
        if time.monotonic() - self._interrupted_at < TWICE_SECONDS:
            self.leave()
            return
        self._interrupted_at = time.monotonic()
        self.act_app_quit()

    def leave(self) -> None:
        """Disconnect from the engine and exit; say in the shell what continues."""
        self.farewell = chrome.farewell(self.bridge)
        self.run_worker(self._left())

    async def _left(self) -> None:
        self._keep()
        await self.bridge.leave()
        if self._attachment is not None:
            self._attachment.cancel()
        self.exit()

    def _keep(self) -> None:
        """Write down what is to come back; a link that drops asks no question first."""
        for screen in self.app_screens():
            if screen.is_drawable:
                self.kept |= screen.to_remember()
        if self.kept != self._written:
            self._written = dict(self.kept)
            save(self.options.state_folder, self.kept)

    def app_screens(self) -> list[AppScreen]:
        """Return every numbered screen that was opened."""
        from .screens.screen import AppScreen

        stacks = self._screen_stacks.values()
        return [screen for stack in stacks for screen in stack if isinstance(screen, AppScreen)]

    def _quit_as(self, how: str | None) -> None:
        if how == "detach":
            self.leave()
        elif how is not None:
            self.run_worker(self._stopped("now" if how == "now" else "after_source"))

    async def _stopped(self, how: StopHow) -> None:
        from core.service.stop_engine import ask_to_stop

        if self.current_screen is not None:
            self.current_screen.say("stopping ...")
        try:
            self.bridge.end_with_engine()
            await ask_to_stop(self.bridge, how)
        except SightlineError as error:
            if self.current_screen is not None:
                self.current_screen.say(str(error), bad=True)
            return
        await self._left()
