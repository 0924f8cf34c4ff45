"""A bounded channel between two threads, and the control that stops or pauses everything."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Cancelled(Exception):
    """The work was called off; every wait ends with this."""


class Control:
    """Pause, resume and cancel, shared by everything that belongs to one piece of work.

    A control with a parent obeys the parent too; cancelling it leaves the parent as it is.
    """

    def __init__(self, parent: Control | None = None) -> None:
        self._parent = parent
        # One condition for the whole family, so that a parent's cancel wakes every wait at once.
        self.changed: threading.Condition = parent.changed if parent else threading.Condition()
        self._paused = False
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Return whether the work was called off."""
        return self._cancelled or (self._parent is not None and self._parent.cancelled)

    @property
    def paused(self) -> bool:
        """Return whether work is held."""
        return self._paused or (self._parent is not None and self._parent.paused)

    def cancel(self) -> None:
        """End every wait with Cancelled."""
        with self.changed:
            self._cancelled = True
            self.changed.notify_all()

    def pause(self) -> None:
        """Hold work between two batches."""
        with self.changed:
            self._paused = True

    def resume(self) -> None:
        """Resume the work."""
        with self.changed:
            self._paused = False
            self.changed.notify_all()

    def checkpoint(self) -> None:
        """Wait while paused; raise Cancelled once cancelled. Called between two batches."""
        with self.changed:
            self.changed.wait_for(lambda: self.cancelled or not self.paused)
            if self.cancelled:
                raise Cancelled

    def wait(self, seconds: float) -> None:
        """Wait so long, and then while paused. Raises Cancelled as soon as it is cancelled."""
        with self.changed:
            self.changed.wait_for(lambda: self.cancelled, seconds)
        self.checkpoint()


class Channel(Generic[T]):
    """At most `capacity` items in flight; what they cost in memory is up to the sender.

    All channels of one control share its condition, so a cancel wakes every wait at once.
    """

    def __init__(self, capacity: int, control: Control) -> None:
        self._capacity = capacity
        self._control = control
        self._items: deque[T] = deque()
        self._ended = False
        self.put_wait_seconds = 0.0
        self.get_wait_seconds = 0.0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def capacity(self) -> int:
        """Return how many items fit."""
        return self._capacity

    @property
    def ended(self) -> bool:
        """Return whether nothing more comes."""
        return self._ended

    def put(self, item: T) -> None:
        """Add an item; waits while the channel is full. Raises Cancelled."""
        started = time.perf_counter()
        with self._control.changed:
            self._wait(lambda: len(self._items) < self._capacity)
            self._items.append(item)
            self._control.changed.notify_all()
        self.put_wait_seconds += time.perf_counter() - started

    def end(self) -> None:
        """Say that nothing more comes."""
        with self._control.changed:
            self._ended = True
            self._control.changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Yield items until the channel has ended and is empty. Raises Cancelled."""
        while True:
            started = time.perf_counter()
            with self._control.changed:
                self._wait(lambda: bool(self._items) or self._ended)
                if not self._items:
                    return
                item = self._items.popleft()
                self._control.changed.notify_all()
            self.get_wait_seconds += time.perf_counter() - started
            yield item

    def _wait(self, ready: Callable[[], bool]) -> None:
        self._control.changed.wait_for(lambda: self._control.cancelled or ready())
        if self._control.cancelled:
            raise Cancelled
