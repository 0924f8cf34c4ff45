"""Several reader processes: how many a scan gets, with how many threads each, and lending them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..config.screening_settings import Limits
from ..config.spec import Spec
from .process import ReaderProcess
from .reader import Reader

MOST_VIDEOS = 16
"""more at once would wait for the one process that measures them"""
SPARE_THREADS = 2
"""decoded frames are looked at between two calls of the decoder, whose threads continue meanwhile:
with as many as cores, one would stand still until it is called again"""
MOST_FOR_PICTURES = 8
BESIDE_A_MODEL = 15
"""nice: the threads of a model wait for each other, so one held up by a reader holds up all"""
BEHIND_AN_APP = 10
"""nice value of decoders, so that the user of this machine does not wait for them"""


class ReaderPool:
    """A fixed number of reader processes, lent one at a time."""

    def __init__(
        self,
        size: int,
        limits: Limits,
        threads: int = 1,
        *,
        nice: int = 0,
        process: ReaderProcess | None = None,
    ) -> None:
        """`process` is one that was started before; the first reader takes it."""
        self.size = size
        self._readers = [Reader(limits, threads, nice=nice) for _ in range(size - 1)]
        self._readers.append(Reader(limits, threads, nice=nice, process=process))
        self._free = list(self._readers)
        self._changed = threading.Condition()

    @contextmanager
    def lend(self, threads: int | None = None) -> Iterator[Reader]:
        """Lend a reader, which decodes with so many threads; waits until one is free."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._free))
            reader = self._free.pop()
        if threads is not None:
            reader.threads = threads
        try:
            yield reader
        finally:
            with self._changed:
                self._free.append(reader)
                self._changed.notify()

    def close(self) -> None:
        """End all processes."""
        for reader in self._readers:
            reader.close()


def videos_at_once(spec: Spec) -> int:
    """Return how many videos are read side by side where as many wait."""
    return spec.run.parallel or min(_cores(), MOST_VIDEOS)


def decode_threads(spec: Spec, waiting: int) -> int:
    """Return how many threads decode a video while `waiting` others are still to be begun.

    While others wait, each has its share of the cores: one thread takes less processor time for a
    file than several. The last ones have more, since whichever ends first leaves its cores idle.
    """
    cores, many = _cores(), videos_at_once(spec)
    if spec.run.decode_threads:
        return spec.run.decode_threads
    if spec.run.parallel or waiting >= many:
        return _decode_threads(cores // many)
    return _decode_threads(max(cores // (waiting + 1), min(cores, 2)))


def video_readers(spec: Spec, nice: int, process: ReaderProcess | None) -> ReaderPool:
    """Return what reads the videos of a scan; `process` is a reader that runs already."""
    threads = decode_threads(spec, waiting=0)
    return ReaderPool(videos_at_once(spec), spec.limits, threads, nice=nice, process=process)


def image_readers(spec: Spec, nice: int, *, beside_model: bool) -> ReaderPool:
    """Return what reads the pictures of a scan."""
    many = max(spec.run.parallel, min(_cores(), MOST_FOR_PICTURES))
    return ReaderPool(many, spec.limits, nice=BESIDE_A_MODEL if beside_model else nice)


def _decode_threads(cores: int) -> int:
    """Return how many threads decode a video that has so many cores to itself."""
    return cores + SPARE_THREADS if cores > 1 else 1


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
