"""Sends what the app draws to the terminal, and never makes the app wait for it.

Textual's own writer holds 30 frames and then blocks the app's loop, so a stalled link stops every
timer, key and signal (tui-guide, fact 1). Here a link that does not keep up costs frames instead:
they are skipped until everything before them was taken, and then the whole screen is redrawn.
At most `FRAMES_BYTES` of frames and `ALWAYS_BYTES` of everything else wait at any time.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
from collections import deque
from collections.abc import Callable

from rich.cells import cell_len

from .link_speed import LinkSpeed

FRAMES_BYTES = 65_536
ALWAYS_BYTES = 1_048_576
LEAST_STALL_SECONDS = 1.0
"""a shorter pause is not noticed: any terminal is busy for a moment with a large frame"""
# Longer than every mode the driver sets; a shorter piece of a frame that slips through is harmless.
FRAME_CHARACTERS = 32
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_STRINGS = ("\x1b]", "\x1bP")


class Link:
    """A queue and a thread that empties it into a terminal."""

    def __init__(
        self, fd: int, *, unicode: bool, on_recovered: Callable[[], None],
        speed: LinkSpeed | None = None,
    ) -> None:  # fmt: skip
        """Start sending to `fd`; `on_recovered` is called, from the thread, after a stall."""
        self._fd = fd
        self.speed = speed
        """measured with the frames that are sent; None where it cannot be"""
        self._unicode = unicode
        self._on_recovered = on_recovered
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._skipping = False
        self._ending = False
        self._lost = False
        self.backlog_bytes = 0
        """what waits here; what the kernel and ssh hold is not known"""
        self.sent_bytes = 0
        self.skipped_frames = 0
        self.missed_frames = 0
        """those of them that were skipped in stalls that are over and were long enough to notice"""
        self._stalled_at = 0.0
        self._skipped_before = 0
        self._thread = threading.Thread(target=self._run, name="sightline-output", daemon=True)
        self._thread.start()

    @property
    def stalled(self) -> bool:
        """True while frames are skipped because the terminal does not take them."""
        return self._skipping

    def send(self, text: str) -> None:
        """Queue `text`; a frame is skipped while the terminal does not keep up."""
        data = encoded(text, self._unicode)
        with self._changed:
            if self._lost:
                return
            if self._is_frame(text) and self._is_full(len(data)):
                if not self._skipping:
                    self._stalled_at, self._skipped_before = time.monotonic(), self.skipped_frames
                self._skipping = True
                self.skipped_frames += 1
            elif self.backlog_bytes + len(data) <= ALWAYS_BYTES or self._ending:
                self._queue(data + self._question(text, len(data)))

    def finish(self, timeout_seconds: float) -> bool:
        """Send what is left and stop; False if the terminal did not take it in time."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(timeout_seconds)
        delivered = not self._thread.is_alive()
        with self._changed:
            self._lost = True
        self._thread.join(timeout_seconds)
        return delivered

    def _question(self, text: str, size: int) -> bytes:
        if self.speed is None or self._ending or not self._is_frame(text):
            return b""
        return self.speed.question(size, self.backlog_bytes)

    def _is_frame(self, text: str) -> bool:
        return len(text) > FRAME_CHARACTERS and not text.startswith(_STRINGS)

    def _is_full(self, size: int) -> bool:
        return self._skipping or (
            self.backlog_bytes > 0 and self.backlog_bytes + size > FRAMES_BYTES
        )

    def _queue(self, data: bytes) -> None:
        self._waiting.append(data)
        self.backlog_bytes += len(data)
        self._changed.notify()

    def _run(self) -> None:
        while (data := self._next()) is not None:
            self._write(memoryview(data))
            self._recover()

    def _next(self) -> bytes | None:
        with self._changed:
            while not self._waiting and not self._ending:
                self._changed.wait()
            if not self._waiting:
                return None
            data = b"".join(self._waiting)
            self._waiting.clear()
            return data

    def _write(self, data: memoryview) -> None:
        while data and not self._lost:
            try:
                # Looks up now and then, for `finish` may have given up meanwhile.
                if not select.select([], [self._fd], [], 0.1)[1]:
                    continue
                done = os.write(self._fd, data[:4096])
            except BlockingIOError:
                time.sleep(0.01)
                continue
            except OSError:
                self._lose()
                return
            with self._changed:
                self.backlog_bytes -= done
                self.sent_bytes += done
            data = data[done:]

    def _lose(self) -> None:
        """The terminal is gone: take and forget everything from now on."""
        with self._changed:
            self._lost = True
            self._waiting.clear()
            self.backlog_bytes = 0

    def _recover(self) -> None:
        with self._changed:
            recovered = self._skipping and self.backlog_bytes == 0 and not self._lost
            if recovered:
                self._skipping = False
                if time.monotonic() - self._stalled_at >= LEAST_STALL_SECONDS:
                    self.missed_frames += self.skipped_frames - self._skipped_before
        if recovered and not self._ending:
            self._on_recovered()


def encoded(text: str, unicode: bool) -> bytes:
    """Return `text` as the terminal takes it; without Unicode, `?` for each cell of the rest."""
    if unicode:
        return text.encode("utf-8", "replace")
    return _NOT_ASCII.sub(lambda run: "?" * cell_len(run[0]), text).encode("ascii")
