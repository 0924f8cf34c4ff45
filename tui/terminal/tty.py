"""Showing the app on the terminal, and giving the terminal back on every way out.

Imports no Textual at its top: what Textual reads from the environment at import is set first.
After SIGKILL or a crash of native code nothing can be put back: `reset` repairs the terminal.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ExitCode
from core.text import clean

from . import crash_log
from .crash_log import CrashLog
from .guard import Guard
from .probe import TerminalFacts
from .signals import HANG_UP, Ending

if TYPE_CHECKING:
    import asyncio

    from .safe_app import SafeApp

# Textual sends what a key changed at its next frame: at 30 the slowest keys took 70 ms.
LOCAL_FPS = 60
SSH_FPS = 15
INSTEAD = "use `--no-ui`, or `sightline status`"
MakeApp = Callable[[TerminalFacts], "SafeApp[Any]"]


def refusal(facts: TerminalFacts) -> str | None:
    """Say in one line why the app cannot be shown and what to do; None if it can.

    A small terminal is no reason.
    """
    if not facts.is_tty:
        return f"the app needs a terminal on stdin and stdout: {INSTEAD}"
    if facts.dumb:
        named = f"TERM={clean(facts.term)}" if facts.term else "an unset TERM"
        return f"{named} cannot show the app: {INSTEAD}"
    return None


def run(make_app: MakeApp, *, log: Path, facts: TerminalFacts, mouse: bool = True) -> int:
    """Show the app until it ends; return the exit code. Called in the main thread.

    `make_app` is called after Textual's environment is set, so it may import Textual. The code is
    the app's own `return_code`; 129, 130, 131 or 143 after a signal or a closed terminal; 70
    after a crash, which is reported in one line with the details in `log`, while a SightlineError
    speaks for itself; 4 if the app cannot be shown at all.
    """
    if why := refusal(facts):
        _say(f"sightline: {why}")
        return int(ExitCode.ENVIRONMENT)
    set_environment(facts)
    with crash_log.opened(log) as record:
        code, line = _Showing(make_app, record, facts, mouse).run()
    if line and code != HANG_UP:
        _say(line)
    return code


def set_environment(facts: TerminalFacts) -> None:
    """Set what Textual reads when it is imported; what the user has set stays."""
    wanted = {
        "TEXTUAL_FPS": str(SSH_FPS if facts.ssh else LOCAL_FPS),
        "TEXTUAL_ANIMATIONS": "none",
        "TEXTUAL_COLOR_SYSTEM": "standard" if facts.colour == "16" else facts.colour,
    }
    if facts.colour == "none":
        wanted |= {"NO_COLOR": "1", "TEXTUAL_COLOR_SYSTEM": "standard"}
    for name, value in wanted.items():
        os.environ.setdefault(name, value)


class _Showing:
    """One showing of an app: what it needs, put around it and taken away again."""

    def __init__(
        self, make_app: MakeApp, record: CrashLog, facts: TerminalFacts, mouse: bool
    ) -> None:
        self.make_app = make_app
        self.record = record
        self.facts = facts
        self.mouse = mouse
        self.started = time.monotonic()

    def run(self) -> tuple[int, str]:
        """Return the exit code and the line to say once the terminal is back, if any."""
        guard = Guard(self.record.fd)
        with Ending(guard.restore) as ending, guard, crash_log.taking_everything(self.record):
            code, line = self._outcome(guard, ending)
            if not ending.hung_up:
                guard.discard_input(self._answers_due())
        return (code, line) if ending.code is None else (ending.code, "")

    def _outcome(self, guard: Guard, ending: Ending) -> tuple[int, str]:
        try:
            app = self.make_app(self.facts)
            self._show(app, guard, ending)
        except BaseException as error:
            if isinstance(error, Exception):
                self.record.note("around the app", error)
            return crash_log.verdict(error, self.record)
        if app.crash is not None:
            return crash_log.verdict(app.crash, self.record)
        return app.return_code or 0, app.farewell

    def _show(self, app: SafeApp[Any], guard: Guard, ending: Ending) -> None:
        import asyncio

        from .driver import bound
        from .pool import DaemonPool

        app.crash_log = self.record
        app.driver_class = bound(guard, self.facts, lambda: ending.begin(HANG_UP))
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            loop.set_default_executor(DaemonPool())
            loop.set_exception_handler(self._stray)
            ending.leaves_by(lambda code: _leave(loop, app, code))
            self.started = time.monotonic()
            runner.run(app.run_async(mouse=self.mouse))

    def _stray(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context.get("message", ""))
        self.record.note("in a task", error)

    def _answers_due(self) -> float:
        """Return for how many seconds answers to what Textual asked may still come."""
        link = (self.facts.round_trip_ms or 0.0) / 1000
        lived = time.monotonic() - self.started
        return max(0.0, min(1.0, 2 * link + 0.1) - lived)


def _leave(loop: asyncio.AbstractEventLoop, app: SafeApp[Any], code: int) -> None:
    loop.call_soon_threadsafe(lambda: app.exit(return_code=code))


def _say(line: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
