"""Decoding in a thread of its own, so that it goes on while the frame before is reduced."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")
DEPTH = 4
"""frames that wait at most; each is a whole decoded frame (3 MiB at 1080p)"""


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield the items, up to four of which are made before they are asked for.

    FFmpeg and NumPy both let go of the interpreter, so decoding and reducing really run side by
    side. What the iterator raises is raised here. Closing the generator stops the thread first.
    """
    ready: queue.SimpleQueue[T | BaseException | None] = queue.SimpleQueue()
    room = threading.Semaphore(DEPTH)
    stop = threading.Event()

    def work() -> None:
        try:
            for item in items:
                room.acquire()
                if stop.is_set():
                    return
                ready.put(item)
            ready.put(None)
        except BaseException as error:  # raised again where the items are used
            ready.put(error)

    thread = threading.Thread(target=work, name="sightline-decode", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            room.release()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        room.release()
        thread.join()
