"""Pausing and cancelling a download from another thread."""

from __future__ import annotations

import threading

from ..errors import Interrupted

_POLL_SECONDS = 0.1


class Control:
    """A switch that whoever started a download keeps; all of it may be used from any thread.

    With `parent`, a pause or cancel of the parent is one of this too.
    """

    def __init__(self, parent: Control | None = None) -> None:
        self._parent = parent
        self._changed = threading.Condition()
        self._paused = False
        self._cancelled = False

    def pause(self) -> None:
        """Fetch nothing more until `resume()`."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def cancel(self) -> None:
        """Stop for good; what came is kept on the disk."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """Tell whether it stands still."""
        return self._paused or (self._parent is not None and self._parent.paused)

    @property
    def cancelled(self) -> bool:
        """Tell whether it was stopped for good."""
        return self._cancelled or (self._parent is not None and self._parent.cancelled)

    def check(self) -> None:
        """Wait while paused. Raises Interrupted once cancelled."""
        while self.paused and not self.cancelled:
            self._wait(_POLL_SECONDS)
        if self.cancelled:
            raise Interrupted("stopped; what came is kept, and the same command goes on from there")

    def sleep(self, seconds: float) -> None:
        """Wait so long. Raises Interrupted at most a tenth of a second after a cancel."""
        left = seconds
        while left > 0:
            self.check()
            self._wait(min(left, _POLL_SECONDS))
            left -= _POLL_SECONDS
        self.check()

    def _wait(self, seconds: float) -> None:
        with self._changed:
            if not self._cancelled:
                self._changed.wait(seconds)
