"""Waiting for a server: until its model is loaded, or as long as it asks, up to a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ...text import clean
from .faults import Denied, EndpointTimeouts, NotReady

SAID_FROM_SECONDS = 5.0
"""from which wait on there is a message"""
LONGEST_POLL_SECONDS = 2.0


class Waiting:
    """The waits of one endpoint; `notify` gets one message for each kind of wait."""

    def __init__(self, url: str, patience: EndpointTimeouts) -> None:
        self.notify: Callable[[str], None] = lambda _text: None
        self._url = clean(url, limit=200)
        self._patience = patience
        self._polls = 0
        self._is_loading = self._is_limited = False

    async def for_loading(self, reason: Denied, began: float) -> None:
        """Wait a little for a server that loads its model. Raises NotReady beyond the limit."""
        limit = self._patience.wait_seconds
        if time.monotonic() - began >= limit:
            raise self.too_long(reason, 0.0) from reason
        if not self._is_loading:
            self._is_loading = True
            self.notify(
                f"{self._url} is loading its model; waiting up to {limit:g} s (vlm.wait_seconds)"
            )
        self._polls += 1
        pause = min(
            LONGEST_POLL_SECONDS, self._patience.first_wait_seconds * 2 ** min(self._polls, 9)
        )
        left = limit - (time.monotonic() - began)
        await asyncio.sleep(max(0.01, min(pause, left)))

    async def announced(self, seconds: float) -> None:
        """Wait as long as a server asks."""
        if seconds >= SAID_FROM_SECONDS and not self._is_limited:
            self._is_limited = True
            self.notify(
                f"waiting {seconds:.0f} s before the next request, as asked for by {self._url}"
            )
        await asyncio.sleep(seconds)

    def too_long(self, reason: Denied, seconds: float) -> NotReady:
        """Return the fault for a wait beyond the limit; 0 seconds: the model is still loading."""
        limit = self._patience.wait_seconds
        why = (
            f"the server asks for a wait of {seconds:.0f} s, vlm.wait_seconds allows {limit:g}"
            if seconds
            else f"the server has not loaded its model within {limit:g} s (vlm.wait_seconds)"
        )
        return NotReady(reason.status, f"{why}: {reason.said}" if reason.said else why)
