"""Work in a thread that hands over parts, as an asynchronous generator with back pressure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

T = TypeVar("T")
MOST_WAITING = 16
"""parts; the work goes no further until one of them was taken"""
CHECK_SECONDS = 0.05


async def parts_from_thread(
    work: Callable[[Callable[[T], None]], None], end: Callable[[], None]
) -> AsyncGenerator[T, None]:
    """Yield what `work` passes to its argument; raises what it raises.

    When the consumer stops iterating `end` is called, which makes the work stop as soon as can be.
    """
    loop = asyncio.get_running_loop()
    parts: asyncio.Queue[T | None] = asyncio.Queue(MOST_WAITING)
    is_left = threading.Event()

    def put(part: T | None) -> None:
        if not is_left.is_set():
            asyncio.run_coroutine_threadsafe(parts.put(part), loop).result()

    def run() -> None:
        try:
            work(put)
        finally:
            put(None)

    worker = asyncio.ensure_future(asyncio.to_thread(run))
    try:
        while (part := await parts.get()) is not None:
            yield part
        await worker
    finally:
        is_left.set()
        if not worker.done():
            end()
            await _drained(worker, parts)


async def _drained(worker: asyncio.Future[None], parts: asyncio.Queue[T | None]) -> None:
    """Wait for work whose reader left, discarding the parts it still yields."""
    while not worker.done():
        while not parts.empty():
            parts.get_nowait()
        await asyncio.wait([worker], timeout=CHECK_SECONDS)
    if not worker.cancelled():
        worker.exception()  # no caller is left to report it to
