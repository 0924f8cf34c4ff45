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

CORES_A_VIDEO = 4
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
    def lend(self) -> Iterator[Reader]:
        """Lend a reader; waits until one is free."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._free))
            reader = self._free.pop()
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
    """Return how many videos are read side by side."""
    return spec.run.parallel or max(1, _cores() // CORES_A_VIDEO)


def video_readers(spec: Spec, nice: int, process: ReaderProcess | None) -> ReaderPool:
    """Return what reads the videos of a scan; `process` is a reader that runs already."""
    many = videos_at_once(spec)
    threads = spec.run.decode_threads or _decode_threads(many)
    return ReaderPool(many, spec.limits, threads, nice=nice, process=process)


def image_readers(spec: Spec, nice: int, *, beside_model: bool) -> ReaderPool:
    """Return what reads the pictures of a scan."""
    many = max(videos_at_once(spec), min(_cores(), MOST_FOR_PICTURES))
    return ReaderPool(many, spec.limits, nice=BESIDE_A_MODEL if beside_model else nice)


def _decode_threads(parallel: int) -> int:
    """Return how many threads decode each of `parallel` videos."""
    share = max(1, _cores() // parallel)
    return share + SPARE_THREADS if share > 1 else 1


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
