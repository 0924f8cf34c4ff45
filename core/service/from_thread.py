"""Work in a thread that hands over parts, as an asynchronous generator with back pressure."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")
MOST_WAITING = 64
"""parts; the work goes no further until they were taken"""
MANY = MOST_WAITING // 2
"""parts that wake the event loop; fewer are taken after `CHECK_SECONDS`"""
CHECK_SECONDS = 0.05


class _Handover(Generic[T]):
    """Parts on their way from a thread to the event loop, which is woken once for many."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parts: deque[T] = deque()
        self._changed = threading.Condition()
        self._ready = asyncio.Event()
        self._is_left = self._is_finished = False

    def put(self, part: T) -> None:
        """Add a part, from the thread; waits while too many wait. Nothing once the reader left."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_left or len(self._parts) < MOST_WAITING)
            if self._is_left:
                return
            self._parts.append(part)
            if len(self._parts) == MANY:
                self._loop.call_soon_threadsafe(self._ready.set)

    def finish(self) -> None:
        """Say that no part follows, from the thread."""
        with self._changed:
            self._is_finished = True
            if not self._is_left:
                self._loop.call_soon_threadsafe(self._ready.set)

    def leave(self) -> None:
        """Discard what waits and what comes, from the event loop."""
        with self._changed:
            self._is_left = True
            self._parts.clear()
            self._changed.notify_all()

    async def taken(self) -> list[T]:
        """Return what waits, at least one part; nothing once all were taken and none follows."""
        while True:
            # Waking the loop for each of many thousand parts costs more than the work itself.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ready.wait(), CHECK_SECONDS)
            self._ready.clear()
            with self._changed:
                found = list(self._parts)
                self._parts.clear()
                self._changed.notify_all()
                if self._is_finished:
                    self._ready.set()
                if found or self._is_finished:
                    return found


async def parts_from_thread(
    work: Callable[[Callable[[T], None]], None], end: Callable[[], None]
) -> AsyncGenerator[T, None]:
    """Yield what `work` passes to its argument; raises what it raises.

    When the consumer stops iterating `end` is called, which makes the work stop as soon as can be.
    """
    handover: _Handover[T] = _Handover(asyncio.get_running_loop())

    def run() -> None:
        try:
            work(handover.put)
        finally:
            handover.finish()

    worker = asyncio.ensure_future(asyncio.to_thread(run))
    try:
        while parts := await handover.taken():
            for part in parts:
                yield part
        await worker
    finally:
        handover.leave()
        if not worker.done():
            end()
            await _ended(worker)


async def _ended(worker: asyncio.Future[None]) -> None:
    """Wait for work whose reader left."""
    while not worker.done():
        await asyncio.wait([worker], timeout=CHECK_SECONDS)
    if not worker.cancelled():
        worker.exception()  # no caller is left to report it to
