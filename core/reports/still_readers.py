"""Reader processes that stay open between pictures: starting one takes longer than a frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..config.screening_settings import Limits
from ..sources.reader import Reader

MOST_KEPT = 2
KEPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Idle:
    reader: Reader
    limits: Limits
    since: float


class StillReaders:
    """Lends readers, and ends those that nobody has used for a while. Any thread may call."""

    def __init__(self) -> None:
        self._idle: list[_Idle] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False

    @contextmanager
    def lent(self, limits: Limits) -> Iterator[Reader]:
        """Lend a reader with such limits; one that fails is not kept."""
        reader = self._taken(limits) or Reader(limits)
        try:
            yield reader
        except BaseException:
            reader.close()
            raise
        self._keep(_Idle(reader, limits, time.monotonic()))

    def close(self) -> None:
        """End all that are idle; those that are lent end when they are given back."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            idle, self._idle = self._idle, []
        for each in idle:
            each.reader.close()

    def _taken(self, limits: Limits) -> Reader | None:
        with self._lock:
            found = next((each for each in reversed(self._idle) if each.limits == limits), None)
            if found is None:
                return None
            self._idle.remove(found)
        return found.reader

    def _keep(self, given: _Idle) -> None:
        with self._lock:
            self._idle.append(given)
            kept = 0 if self._closed else MOST_KEPT
            over = self._idle[: len(self._idle) - kept]
            self._idle = self._idle[len(over) :]
            if self._timer is None and not self._closed:
                self._start_timer()
        for each in over:
            each.reader.close()

    def _start_timer(self) -> None:
        self._timer = threading.Timer(KEPT_SECONDS, self._sweep)
        self._timer.daemon = True
        self._timer.start()

    def _sweep(self) -> None:
        """End what was idle for long; look again while any is left."""
        until = time.monotonic() - KEPT_SECONDS
        with self._lock:
            over = [each for each in self._idle if each.since <= until]
            self._idle = [each for each in self._idle if each.since > until]
            self._timer = None
            if self._idle and not self._closed:
                self._start_timer()
        for each in over:
            each.reader.close()
