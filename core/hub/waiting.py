"""One line when a busy hub asks to wait, however many files wait for it at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..text import clean

SHORTEST_SECONDS = 1.0
"""a shorter wait is not worth a line"""


class WaitNotice:
    """Passes on that the hub asks to wait; any thread may call it."""

    def __init__(self, notify: Callable[[str], None] = lambda _text: None) -> None:
        self.notify = notify
        self._lock = threading.Lock()
        self._until = 0.0

    def say(self, repo: str, reason: str, seconds: float) -> None:
        """Say why and how long, unless a wait that ends as late was announced already."""
        end = time.monotonic() + seconds
        with self._lock:
            known = end < self._until + SHORTEST_SECONDS
            self._until = max(self._until, end)
        if seconds >= SHORTEST_SECONDS and not known:
            self.notify(f"{clean(repo)}: {reason}; waiting {seconds:.0f} s as it asks")
