"""A source that is being worked on, and how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..pipeline.runner import StepReport
from ..protocol.state import StepState, TaskState


@dataclass
class TaskProgress:
    """A source that is being worked on."""

    number: int
    path: str
    total: int | None
    began: float = field(default_factory=time.monotonic)
    first: int | None = None
    done: int = 0
    steps: list[StepReport] = field(default_factory=list)
    advanced: float = field(default_factory=time.monotonic)

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
        steps = tuple(
            StepState(
                s.name, s.batches, s.busy_seconds, s.waits_in_seconds, s.waits_out_seconds,
                s.queued, s.capacity,
            )
            for s in self.steps
        )  # fmt: skip
        return TaskState(self.number, self.path, self.done, self.total, self.rate(), steps)
