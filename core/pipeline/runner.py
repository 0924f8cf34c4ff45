"""Running a chain of steps, each in its own thread, with bounded channels between them.

A step turns an iterator of batches into an iterator of batches, so it may hold some back (a
window needs frames that come later) and flush at the end. It owns no thread and no queue. While
one step works on a batch, its neighbours work on others. With channels of capacity c, a chain of
n steps holds at most (n + 1) * (c + 1) batches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .channel import Cancelled, Channel, Control

Work = Callable[[Iterator[Any]], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Step:
    """A named piece of work."""

    name: str
    work: Work


class StepFailed(Exception):
    """A step raised; `step` names it and `__cause__` is what it raised."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


@dataclass(frozen=True, slots=True)
class StepReport:
    """Where a step's time went so far: `waits_out` much means the next one is slower."""

    name: str
    batches: int
    busy_seconds: float
    waits_in_seconds: float
    waits_out_seconds: float
    queued: int
    capacity: int


@contextmanager
def _closed(batches: Iterator[Any]) -> Iterator[Iterator[Any]]:
    """Close a generator where it ran, not whenever memory is tidied: it may hold a process."""
    try:
        yield batches
    finally:
        close = getattr(batches, "close", None)
        if close is not None:
            close()


class Chain:
    """Running steps. Iterate over it once to get the results in the calling thread."""

    def __init__(
        self, source: Iterable[Any], steps: list[Step], control: Control, capacity: int = 2
    ) -> None:
        self._source = source
        self._steps = [Step("read", lambda _: iter(self._source)), *steps]
        # A failing source ends its own chain, never the scan it belongs to.
        self._control = Control(control)
        self._channels: list[Channel[Any]] = [Channel(capacity, self._control) for _ in self._steps]
        self._failure: tuple[str, BaseException] | None = None
        self._batches = [0] * len(self._steps)
        self._started = 0.0

    def __iter__(self) -> Iterator[Any]:
        self._started = time.perf_counter()
        threads = [
            threading.Thread(target=self._run, args=(n,), name=f"sightline-{step.name}")
            for n, step in enumerate(self._steps)
        ]
        for thread in threads:
            thread.start()
        try:
            yield from self._channels[-1]
        except Cancelled:
            if self._failure is None:
                raise
        finally:
            self._finish(threads)
        if self._failure is not None:
            raise StepFailed(self._failure[0]) from self._failure[1]

    def reports(self) -> list[StepReport]:
        """Return where each step's time went."""
        elapsed = time.perf_counter() - self._started
        return [self._report(n, elapsed) for n in range(len(self._steps))]

    def _report(self, n: int, elapsed: float) -> StepReport:
        out = self._channels[n]
        waits_in = self._channels[n - 1].get_wait_seconds if n else 0.0
        busy = max(elapsed - waits_in - out.put_wait_seconds, 0.0)
        return StepReport(
            self._steps[n].name,
            self._batches[n],
            busy,
            waits_in,
            out.put_wait_seconds,
            len(out),
            out.capacity,
        )

    def _run(self, n: int) -> None:
        step, out = self._steps[n], self._channels[n]
        incoming = iter(self._channels[n - 1]) if n else iter(())
        try:
            with _closed(step.work(incoming)) as batches:
                for batch in batches:
                    self._batches[n] += 1
                    out.put(batch)
                    self._control.checkpoint()
            out.end()
        except Cancelled:
            pass
        except BaseException as error:  # the first failure wins and reaches the caller
            if self._failure is None:
                self._failure = (step.name, error)
            self._control.cancel()

    def _finish(self, threads: list[threading.Thread]) -> None:
        """Join every thread; an early exit (a failure, a break) stops the others first."""
        if any(thread.is_alive() for thread in threads) and not self._channels[-1].ended:
            self._control.cancel()
        for thread in threads:
            thread.join()
