"""Decoding in a thread of its own, so that it goes on while the frame before is reduced."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
DEPTH = 4
"""frames that wait at most; each is a whole decoded frame (3 MiB at 1080p)"""


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield the items, up to four of which are made before they are asked for.

    FFmpeg and NumPy both let go of the interpreter, so decoding and reducing really run side by
    side. What the iterator raises is raised here. Closing the generator stops the thread first.
    """
    ready: queue.Queue[T | BaseException | None] = queue.Queue(DEPTH)
    stop = threading.Event()

    def work() -> None:
        try:
            for item in items:
                ready.put(item)
                if stop.is_set():
                    return
            ready.put(None)
        except BaseException as error:  # raised again where the items are used
            ready.put(error)

    thread = threading.Thread(target=work, name="sightline-decode", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        while thread.is_alive():
            with suppress(queue.Empty):
                ready.get(timeout=0.01)
        thread.join()
