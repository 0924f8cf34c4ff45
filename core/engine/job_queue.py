"""Whose turn it is: scans of one engine run one after another, in an order the user may change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..pipeline.channel import Cancelled


class JobQueue:
    """The queue of scans. The one at work keeps its turn while it is held."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._order: list[int] = []
        self._held: set[int] = set()
        self._at_work: int | None = None

    def join(self, scan: int) -> None:
        """Add a scan at the end."""
        with self._changed:
            self._order.append(scan)

    @contextmanager
    def turn(self, scan: int, cancelled: Callable[[], bool]) -> Iterator[None]:
        """Wait for a scan's turn and hold it inside this block. Raises Cancelled."""
        try:
            with self._changed:
                self._changed.wait_for(lambda: cancelled() or self._is_next(scan))
                if cancelled():
                    raise Cancelled
                self._at_work = scan
            yield
        finally:
            self._leave(scan)

    def hold(self, scan: int) -> None:
        """Let others go before a waiting scan; one at work stays where it is."""
        with self._changed:
            self._held.add(scan)
            self._changed.notify_all()

    def let_go(self, scan: int) -> None:
        """Let a held scan go on."""
        with self._changed:
            self._held.discard(scan)
            self._changed.notify_all()

    def move(self, scan: int, by: int) -> None:
        """Move a waiting scan by so many places; none goes before the one at work."""
        with self._changed:
            if scan == self._at_work or scan not in self._order:
                return
            place = self._order.index(scan)
            self._order.remove(scan)
            first = 1 if self._at_work is not None else 0
            self._order.insert(max(place + by, first), scan)
            self._changed.notify_all()

    def wake(self) -> None:
        """Let whoever waits look whether it was cancelled."""
        with self._changed:
            self._changed.notify_all()

    def order(self) -> tuple[int, ...]:
        """Return the scans at work and waiting, in order."""
        with self._changed:
            return tuple(self._order)

    def state(self, scan: int) -> str:
        """Return `running`, `paused` or `queued`."""
        with self._changed:
            if scan in self._held:
                return "paused"
            return "running" if scan == self._at_work else "queued"

    def _is_next(self, scan: int) -> bool:
        free = (each for each in self._order if each not in self._held)
        return self._at_work is None and next(free, None) == scan

    def _leave(self, scan: int) -> None:
        with self._changed:
            self._order.remove(scan)
            self._held.discard(scan)
            if self._at_work == scan:
                self._at_work = None
            self._changed.notify_all()
