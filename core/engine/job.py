"""What the engine asks of every kind of job, and what it gives to one.

A kind is a class in one file of `jobs/` and a line in `job_registry.py`. The engine queues,
starts, pauses, moves, cancels, resumes and removes jobs by number and knows no kind by name.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from ..errors import EnvironmentFault, SightlineError
from ..pipeline.channel import Control
from ..protocol.messages import JobFinished, JobReported, JobStarted, Message
from ..protocol.state import DownloadState, JobState, ScanState, WatchState
from ..storage.jobs import JobRow
from ..storage.library import Library
from .job_end import Ended, cut_short

if TYPE_CHECKING:
    from ..models.residency import Residency
    from ..search.index import SearchIndex
    from ..sources.process import ReaderProcess

DEVICES = "devices"
"""the resource of jobs that run one after another: processors, GPUs, loaded models"""
View: TypeAlias = ScanState | DownloadState | WatchState


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job may use of the engine. Everything may be called from any thread."""

    library: Library
    emit: Callable[[Message], None]
    residency: Callable[[], Residency]
    """returns the one owner of devices and loaded models"""
    nice: int
    """nice value of reader processes"""
    take_reader: Callable[[], ReaderProcess | None]
    """returns a reader process that runs already, once"""
    submit: Callable[[Any], int]
    """submits another job and returns its number"""
    resume: Callable[[int], int]
    ended: Callable[[int], Ended | None]
    """returns how another job ended; None while it runs or waits"""
    cancel: Callable[[int], None]
    find: Callable[[str, str], int | None]
    """returns the job of a kind and title that runs or waits and was not cancelled"""
    active: Callable[[], Collection[int]]
    """returns the numbers of the jobs that run or wait"""
    index: Callable[[], SearchIndex]
    """returns the index of vectors"""


class Job(ABC):
    """One job. `run` blocks in a thread of its own; all else may be called from other threads."""

    kind: ClassVar[str]
    resource: ClassVar[str] = ""
    """jobs of one resource run one after another; one without a resource starts at once"""
    standing: ClassVar[bool] = False
    """continues until a user ends it, also in the engine after this one"""
    unit: ClassVar[str] = ""
    """what its work is counted in"""

    def __init__(self, context: JobContext, number: int, title: str) -> None:
        self.number = number
        self.title = title
        self.control = Control()
        self._context = context
        self._ending = False

    @classmethod
    @abstractmethod
    def submit(cls, context: JobContext, command: Any) -> Self:
        """Check what is asked, keep it in the library, and return the job. Raises SightlineError.

        Blocking: the engine calls it in a thread.
        """

    @classmethod
    @abstractmethod
    def resume(cls, context: JobContext, row: JobRow, *, failed: bool) -> Self:
        """Return the job that continues one in the library. Raises SightlineError.

        With `failed`, what failed in it is tried again.
        """

    @classmethod
    def continues_by_itself(cls, row: JobRow) -> bool:
        """Return whether the next engine continues a job in the library without being asked."""
        return cls.standing

    @classmethod
    def clean_up(cls, context: JobContext, number: int) -> None:
        """Remove what lies beside the row of a job that was removed; nothing by default."""
        return

    @classmethod
    def sweep_scratch(cls, folder: Path) -> None:
        """Remove what a job that was killed left in its scratch folder and has no use for."""
        shutil.rmtree(folder, ignore_errors=True)

    @abstractmethod
    def run(self) -> None:
        """Do the work; whatever is finished is kept. Raises Cancelled and SightlineError."""

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is left to do, although it was cancelled."""
        return False

    @abstractmethod
    def progress(self) -> tuple[int, int]:
        """Return how many units of work are done, and of how many; 0 if not known."""

    def trouble(self) -> str:
        """Return why there is no progress; empty if all is well."""
        return ""

    def state(self, word: str) -> JobState:
        """Return its state; `word` is `running`, `paused` or `queued`."""
        done, total = self.progress()
        return JobState(
            self.number, self.kind, self.title, word, done, total, self.unit, self.trouble(),
            self.standing, self.resource,
        )  # fmt: skip

    def view(self, word: str) -> View | None:
        """Return what more the engine's state shows of a job of this kind."""
        return None

    def last_view(self, end: Ended) -> View | None:
        """Return what the engine's state continues to show once the job has ended."""
        return None

    def pause(self) -> None:
        """Pause the work between two steps."""
        self.control.pause()

    def continue_(self) -> None:
        """Resume the work."""
        self.control.resume()

    def cancel(self) -> None:
        """End the work on request; what is done is kept."""
        self.suspend()

    def suspend(self) -> None:
        """End the work because the engine ends; what is done stays."""
        self.control.cancel()

    def end_after_unit(self) -> None:
        """End once the current unit of work is finished."""
        self._ending = True

    def ended_by(self, error: SightlineError | OSError) -> Ended:
        """Return the end of this job when `run` raised an error.

        What this machine refused may continue once it does not; anything else has failed.
        """
        end = cut_short(self.number, error)
        if isinstance(error, SightlineError) and not isinstance(error, EnvironmentFault):
            return Ended("failed", end.reason, end.fault)
        return end

    def finish(self, end: Ended, seconds: float) -> tuple[Ended, Sequence[Message]]:
        """Keep how the job ended; return that, and what is said of it last.

        The end is another one where the library cannot take it.
        """
        try:
            self._context.library.jobs.set_state(self.number, end.state, end.reason)
        except SightlineError as fault:
            end = end if end.reason else Ended("interrupted", str(fault), type(fault).__name__)
        last = JobFinished(
            self.number, self.kind, end.state, round(seconds, 3), end.reason, end.fault
        )
        return end, [last]

    def _announce(self, total: int = 0) -> None:
        self._context.library.jobs.set_state(self.number, "running")
        self._context.emit(JobStarted(self.number, self.kind, self.title, total))

    def _report(self, body: dict[str, Any]) -> None:
        self._context.emit(JobReported(self.number, self.kind, body))
