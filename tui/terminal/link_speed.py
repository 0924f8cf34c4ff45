"""How fast the link takes what is drawn, timed by a question behind a large frame.

What the kernel and ssh hold back is not known, so a write that returns says nothing. The terminal
answers a question (DA1) when everything before it has arrived: the time until then, less that of a
round trip, is what the frame took.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Literal

QUESTION = b"\x1b[c"
LEAST_BYTES = 4096
"""a smaller frame says more about the round trip than about the speed"""
PAUSE_SECONDS = 2.0
"""between two questions"""
GIVEN_UP_SECONDS = 30.0
LEAST_SECONDS = 0.005
SLOW_LINK, MODEST_LINK = 30_000.0, 200_000.0
"""bytes a second: below the first a picture would hold keys up for seconds, below the second a
large one for most of a second"""
PictureShare = Literal["none", "half", "all"]
"""pictures only when asked for; at half their size, without small ones beside; all"""


def picture_share(speed: LinkSpeed | None) -> PictureShare:
    """Return how much of the pictures a link can carry; all while its speed is not known."""
    known = None if speed is None else speed.bytes_per_second
    if known is None or known >= MODEST_LINK:
        return "all"
    return "half" if known >= SLOW_LINK else "none"


class LinkSpeed:
    """Bytes a second that reach the terminal; None until it is known."""

    def __init__(
        self, round_trip_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.bytes_per_second: float | None = None
        self.on_question: Callable[[], None] = lambda: None
        """called when a question is sent, so that its answer is not taken for keys"""
        self._round_trip = round_trip_seconds
        self._clock = clock
        self._asked = -GIVEN_UP_SECONDS
        self._bytes = 0

    @property
    def waits(self) -> bool:
        """Whether an answer may still come."""
        return self._bytes > 0 and self._clock() - self._asked < GIVEN_UP_SECONDS

    def question(self, frame_bytes: int, before_bytes: int) -> bytes:
        """Return what to send behind a frame that follows others: a question, or nothing."""
        now = self._clock()
        if frame_bytes < LEAST_BYTES or self.waits or now - self._asked < PAUSE_SECONDS:
            return b""
        self._asked, self._bytes = now, frame_bytes + before_bytes
        self.on_question()
        return QUESTION

    def answered(self) -> None:
        """Take note of the answer."""
        if not self.waits:
            return
        seconds = max(self._clock() - self._asked - self._round_trip, LEAST_SECONDS)
        speed, self._bytes = self._bytes / seconds, 0
        former = self.bytes_per_second
        # Speeds differ by factors, so it is the geometric mean that lies between two.
        self.bytes_per_second = speed if former is None else math.sqrt(former * speed)
