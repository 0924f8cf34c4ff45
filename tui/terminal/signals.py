"""Ends that come from outside: signals, and a terminal that was closed.

Signals are noticed by a thread of our own, through Python's wakeup descriptor, so they work while
the app's loop is busy or stuck. The app is asked to leave; if it has not within `GRACE_SECONDS`,
the terminal is put back and the process ends there and then. SIGKILL cannot be noticed: `reset`
repairs the terminal.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

GRACE_SECONDS = 2.0
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
# Textual's driver sets these and leaves them set.
TOUCHED = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH, signal.SIGTTIN, signal.SIGTTOU)
HANG_UP = 128 + signal.SIGHUP


class Ending:
    """A context in which signals end the app in good order; made in the main thread.

    No code may call `loop.add_signal_handler` meanwhile: it takes the wakeup descriptor away.
    """

    def __init__(self, put_back: Callable[[], None]) -> None:
        """`put_back` restores the terminal at once, from any thread, without waiting."""
        self.code: int | None = None
        """exit code of the first thing that ended the app: 128 and the signal's number"""
        self._put_back = put_back
        self._leave: Callable[[int], None] | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._before: dict[signal.Signals, Any] = {}

    @property
    def hung_up(self) -> bool:
        """True if there is no terminal left to say anything to."""
        return self.code == HANG_UP

    def __enter__(self) -> Self:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        for number in (*ENDING, *TOUCHED):
            self._before[number] = signal.getsignal(number)
        # A signal that was ignored before, as under nohup, stays ignored.
        for number in ENDING:
            if self._before[number] is not signal.SIG_IGN:
                signal.signal(number, _noticed)
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="sightline-signals", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._over.set()
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(self._writing)

    def leaves_by(self, leave: Callable[[int], None]) -> None:
        """Say how to ask the app to leave with an exit code, from any thread."""
        with self._lock:
            self._leave = leave

    def begin(self, code: int) -> None:
        """End the app with an exit code; only the first call counts. Never waits."""
        with self._lock:
            if self.code is not None or self._over.is_set():
                return
            self.code = code
            leave = self._leave
        threading.Thread(target=self._insist, name="sightline-ending", daemon=True).start()
        if leave is None:
            self._force()
        with suppress(RuntimeError):
            if leave is not None:
                leave(code)

    def _watch(self) -> None:
        while numbers := os.read(self._reading, 64):
            for number in numbers:
                if number in ENDING:
                    self.begin(128 + number)
        os.close(self._reading)

    def _insist(self) -> None:
        if not self._over.wait(GRACE_SECONDS):
            self._force()

    def _force(self) -> None:
        self._put_back()
        os._exit(self.code or 0)


def _noticed(_number: int, _frame: object) -> None:
    """Nothing: the wakeup descriptor has notified the thread already."""
