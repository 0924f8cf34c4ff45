"""What a reader killed from outside cut short, done once more at the end of its scan.

The kernel kills a process when memory runs out, which says nothing about the file that it read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..pipeline.channel import Control


class Retries:
    """Collects work while a scan runs (any thread may call), then does it piece by piece."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        """`warn` is called with what is deferred."""
        self._warn = warn
        self._lock = threading.Lock()
        self._put_off: list[Callable[[], None]] = []
        self._began = False

    def put_off(self, path: str, work: Callable[[], None]) -> bool:
        """Put work on a file off to the end; False once that has come: nothing is tried thrice."""
        with self._lock:
            if self._began:
                return False
            self._put_off.append(work)
        self._warn(f"{path}: its reading process was killed from outside; reading it again")
        return True

    def run(self, control: Control, alone: Callable[[], None], ending: Callable[[], bool]) -> None:
        """Do what was put off, one after the other, until `ending`.

        `alone` ends all other readers, so that their memory is free. Raises what the work raises.
        """
        with self._lock:
            self._began = True
        for work in self._put_off:
            control.checkpoint()
            if ending():
                return
            alone()
            work()
