"""The order in which jobs use a resource, one after another; the user may change it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..pipeline.channel import Cancelled


class JobQueue:
    """The queue for one resource. The job that runs keeps its turn while it is paused."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._order: list[int] = []
        self._held: set[int] = set()
        self._running: int | None = None

    def join(self, job: int) -> None:
        """Add a job at the end."""
        with self._changed:
            self._order.append(job)

    @contextmanager
    def turn(self, job: int, cancelled: Callable[[], bool]) -> Iterator[None]:
        """Wait for a job's turn and hold it inside this block. Raises Cancelled."""
        try:
            with self._changed:
                self._changed.wait_for(lambda: cancelled() or self._is_next(job))
                if cancelled():
                    raise Cancelled
                self._running = job
            yield
        finally:
            self._leave(job)

    def hold(self, job: int) -> None:
        """Let others go before a waiting job; one that runs keeps its place."""
        with self._changed:
            if job in self._order:
                self._held.add(job)
            self._changed.notify_all()

    def release(self, job: int) -> None:
        """Resume a paused job."""
        with self._changed:
            self._held.discard(job)
            self._changed.notify_all()

    def move(self, job: int, by: int) -> None:
        """Move a waiting job by so many places; none goes before the one that runs."""
        with self._changed:
            if job == self._running or job not in self._order:
                return
            place = self._order.index(job)
            self._order.remove(job)
            first = 1 if self._running is not None else 0
            self._order.insert(max(place + by, first), job)
            self._changed.notify_all()

    def wake(self) -> None:
        """Let those that wait check whether they were cancelled."""
        with self._changed:
            self._changed.notify_all()

    def order(self) -> tuple[int, ...]:
        """Return the jobs that run and wait, in order."""
        with self._changed:
            return tuple(self._order)

    def state(self, job: int) -> str:
        """Return `running`, `paused` or `queued`."""
        with self._changed:
            if job in self._held:
                return "paused"
            return "running" if job == self._running else "queued"

    def _is_next(self, job: int) -> bool:
        free = (each for each in self._order if each not in self._held)
        return self._running is None and next(free, None) == job

    def _leave(self, job: int) -> None:
        with self._changed:
            self._order.remove(job)
            self._held.discard(job)
            if self._running == job:
                self._running = None
            self._changed.notify_all()
