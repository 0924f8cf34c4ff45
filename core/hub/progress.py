"""How far a download is, in numbers only."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

State = Literal["waiting", "fetching", "held", "checking", "done"]
"""`held`: another process is fetching this very file, and it is waited for"""

SMOOTH_SECONDS = 4.0
"""time constant of the speed shown: short enough to follow, long enough to read"""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """One file: what of it is on the disk."""

    path: str
    size_bytes: int
    done_bytes: int
    state: State


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """All files of one model. `fetched_bytes` came over the network in this run.

    `seconds_left` is None while no speed is known, or paused.
    """

    name: str
    files: tuple[FileProgress, ...]
    fetched_bytes: int
    bytes_per_second: float
    paused: bool

    @property
    def size_bytes(self) -> int:
        """Return the size of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def done_bytes(self) -> int:
        """Return how much of all files is on the disk."""
        return sum(file.done_bytes for file in self.files)

    @property
    def seconds_left(self) -> float | None:
        """Return how long the rest takes at this speed."""
        if self.paused or self.bytes_per_second <= 0:
            return None
        return (self.size_bytes - self.done_bytes) / self.bytes_per_second


class DownloadCounter:
    """Counts what the workers of one download do; every method may be called by any thread."""

    def __init__(self, name: str, files: list[FileProgress]) -> None:
        self._name = name
        self._files = {file.path: file for file in files}
        self._lock = threading.Lock()
        self._fetched = 0
        self._speed = Speed()

    def state(self, path: str, state: State) -> None:
        """Note what is being done with a file."""
        with self._lock:
            self._files[path] = replace(self._files[path], state=state)

    def at(self, path: str, done_bytes: int) -> None:
        """Note how much of a file is on the disk."""
        with self._lock:
            self._files[path] = replace(self._files[path], done_bytes=done_bytes)

    def came(self, path: str, count: int) -> None:
        """Note bytes that came over the network."""
        with self._lock:
            self._fetched += count
            file = self._files[path]
            self._files[path] = replace(file, done_bytes=file.done_bytes + count)

    def now(self, *, paused: bool) -> DownloadProgress:
        """Return the progress; called by one thread, a few times a second."""
        with self._lock:
            files, fetched = tuple(self._files.values()), self._fetched
        speed = self._speed.at(fetched)
        return DownloadProgress(self._name, files, fetched, 0.0 if paused else speed, paused)


class Speed:
    """Bytes a second, smoothed over the last few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._bytes = 0
        self._smooth: float | None = None

    def at(self, total_bytes: int) -> float:
        """Return the speed, given the bytes there are now."""
        now = self._clock()
        passed = now - self._at
        if passed <= 0:
            return self._smooth or 0.0
        speed = (total_bytes - self._bytes) / passed
        share = 1 - math.exp(-passed / SMOOTH_SECONDS)
        self._smooth = speed if self._smooth is None else self._smooth + share * (
            speed - self._smooth
        )  # fmt: skip
        self._at, self._bytes = now, total_bytes
        return self._smooth
