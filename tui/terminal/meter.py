"""How much goes over the link, counted so that showing it costs nothing when nothing happens."""

from __future__ import annotations

import time
from collections.abc import Callable

from .link import Link

SECONDS = 2.0
LEAST_BYTES = 1024


class LinkMeter:
    """Bytes a second over the last two seconds, and frames that a stall cost."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._sent = 0
        self._rate = 0.0
        self._missed = 0

    def words(self, link: Link | None) -> str:
        """Return the rate in whole KB; less than one is one word, or showing it would change it."""
        if link is None:
            return ""
        now = self._clock()
        if now - self._at >= SECONDS:
            self._rate = (link.sent_bytes - self._sent) / (now - self._at)
            self._at, self._sent = now, link.sent_bytes
        return "<1K/s" if self._rate < LEAST_BYTES else f"{self._rate / 1024:.0f}K/s"

    def missed(self, link: Link | None) -> int:
        """Return how many frames the stalls cost that are over since this was asked last."""
        if link is None or link.stalled:
            return 0
        missed = link.missed_frames - self._missed
        self._missed = link.missed_frames
        return missed
