"""Reading and measuring many pictures in reader processes, in order, in batches that are kept.

How many are kept in one transaction is bounded by time, not only by number: a database that is
changed in a hundred places writes a hundred pages, whether they hold one new row each or many.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from ..errors import SightlineError
from ..pipeline.channel import Control
from ..sources.picture_reading import Measured, read_pictures
from ..sources.pools import ReaderPool
from ..sources.reader import ReadingStopped
from .picture_stages import IN_READER

R = TypeVar("R")
W = TypeVar("W")
AT_ONCE = 16
"""pictures of one request to a reader"""
AHEAD = 1024
"""pictures that are read ahead while others are kept"""
MOST = 4096
"""pictures that are kept together: of these the index of contents changes all its pages but once"""
FEW = 512
SECONDS = 3.0
"""after which fewer than `FEW` are kept: large pictures, of which little is written"""
MOST_SECONDS = 10.0
"""after which what was read is kept in any case: what a kill costs at most"""


class Batches(Generic[R]):
    """What threads return of parts of a list, in its order, in batches of bounded age and size."""

    def __init__(self, threads: int, ending: Callable[[], bool] = lambda: False) -> None:
        """`ending` returns whether what was read is to be kept at once."""
        self._threads = threads
        self._ending = ending

    def of(
        self, wanted: Sequence[W], read: Callable[[Sequence[W], threading.Event], list[R]]
    ) -> Iterator[list[R]]:
        """Yield batches; `read` is called with parts in threads, and an event that says stop."""
        held: list[R] = []
        began = time.monotonic()
        for some in self._in_order(wanted, read):
            held += some
            if self._ending() or _due(len(held), time.monotonic() - began):
                yield held
                held, began = [], time.monotonic()
        if held:
            yield held

    def _in_order(
        self, wanted: Sequence[W], read: Callable[[Sequence[W], threading.Event], list[R]]
    ) -> Iterator[list[R]]:
        stopped, running = threading.Event(), deque[Future[list[R]]]()
        threads = ThreadPoolExecutor(self._threads, "sightline-pictures")
        try:
            for start in range(0, len(wanted), AT_ONCE):
                running.append(threads.submit(read, wanted[start : start + AT_ONCE], stopped))
                if len(running) * AT_ONCE >= AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            stopped.set()
            threads.shutdown(cancel_futures=True)


def _due(pictures: int, seconds: float) -> bool:
    return pictures >= MOST or seconds >= (SECONDS if pictures < FEW else MOST_SECONDS)


def read_in_order(
    pool: ReaderPool,
    paths: Sequence[str],
    settings: dict[str, Any],
    control: Control,
    stopped: threading.Event,
) -> list[Measured | SightlineError]:
    """Return of each path what was measured with the settings of a spec, or why it is unread.

    Raises Cancelled, EnvironmentFault; ends early, whatever it returns then, once `stopped`.
    """
    answers: list[Measured | SightlineError] = []
    if not paths:
        return answers
    try:
        with pool.lend() as reader:
            for answer in read_pictures(reader, paths, IN_READER, settings):
                control.checkpoint()
                answers.append(answer)
                if stopped.is_set():
                    break
    except ReadingStopped:
        control.checkpoint()
        raise
    return answers
