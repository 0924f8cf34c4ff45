"""The sources that are being worked on, and how far each is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..pipeline.runner import StepReport
from ..protocol import messages as events
from ..protocol.state import ProvisionalEvent, StepState, TaskState
from .measure import Progress
from .plan import Source
from .task_results import Emit


@dataclass
class TaskProgress:
    """A source that is being worked on."""

    number: int
    path: str
    total: int | None
    length_seconds: float | None = None
    began: float = field(default_factory=time.monotonic)
    first: int | None = None
    done: int = 0
    steps: list[StepReport] = field(default_factory=list)
    advanced: float = field(default_factory=time.monotonic)
    watched: float = float("-inf")
    """when its state was last asked for, by `time.monotonic`"""
    provisional: tuple[ProvisionalEvent, ...] = ()

    def advance(self, done: int, steps: list[StepReport]) -> None:
        """Note how many frames are done now."""
        self.first = self.first if self.first is not None else 0
        self.done, self.steps, self.advanced = done, steps, time.monotonic()

    def rate(self) -> float:
        """Return frames a second from when this engine took the source up to the last it did.

        Not up to now: between two microbatches nothing has become slower.
        """
        elapsed = self.advanced - self.began
        return (self.done - (self.first or 0)) / elapsed if elapsed > 0 else 0.0

    def state(self) -> TaskState:
        """Return its state now."""
        self.watched = time.monotonic()
        steps = tuple(
            StepState(
                s.name, s.batches, s.busy_seconds, s.waits_in_seconds, s.waits_out_seconds,
                s.queued, s.capacity,
            )
            for s in self.steps
        )  # fmt: skip
        return TaskState(
            self.number, self.path, self.done, self.total, self.rate(), steps, self.provisional,
            self.length_seconds,
        )  # fmt: skip


class RunningTasks:
    """The sources that the threads of a scan work on now. Any thread may call."""

    def __init__(
        self, scan: int, emit: Emit, started: Callable[[Source, int | None], None]
    ) -> None:
        """`started` is called with each source that is begun and the frames it may have."""
        self._scan = scan
        self._emit = emit
        self._started = started
        self._lock = threading.Lock()
        self._running: dict[int, TaskProgress] = {}
        self._said: set[str] = set()

    def begin(
        self, source: Source, frames: int | None, seconds: float | None = None
    ) -> TaskProgress:
        """Add a source; `frames` is how many it may have, `seconds` how long it is."""
        running = TaskProgress(source.number, source.found.path, frames, seconds)
        with self._lock:
            self._running[source.number] = running
        self._started(source, frames)
        return running

    def warn_once(self, text: str) -> None:
        """Announce a warning that is true of many sources the first time only."""
        with self._lock:
            known = text in self._said
            self._said.add(text)
        if not known:
            self._emit(events.Warned(self._scan, text))

    def reporter(self, source: Source, running: TaskProgress) -> Progress:
        """Return what takes the progress of a source, and announces it."""

        def progress(done: int, steps: list[StepReport]) -> None:
            running.advance(done, steps)
            self._emit(events.BatchDone(self._scan, source.number, done, running.rate()))

        return progress

    def end(self, source: Source) -> None:
        """Remove a source, if it was begun."""
        with self._lock:
            self._running.pop(source.number, None)

    def count(self) -> int:
        """Return how many there are."""
        with self._lock:
            return len(self._running)

    def states(self) -> tuple[TaskState, ...]:
        """Return how each stands now."""
        with self._lock:
            return tuple(running.state() for running in self._running.values())
