"""Runs jobs, each in a thread of its own; those of one resource wait for their turn."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import SightlineError, UnknownName, UsageError
from ..pipeline.channel import Cancelled
from ..protocol.messages import Message
from ..protocol.state import JobState
from .job import Job, View
from .job_end import Ended, defect
from .job_queue import JobQueue

log = logging.getLogger("sightline.engine")


class JobRunner:
    """The jobs of one engine that run or wait. Any thread may call."""

    def __init__(self, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._jobs: dict[int, Job] = {}
        self._ends: dict[int, Ended] = {}
        self._last_views: dict[int, View] = {}
        self._threads: list[threading.Thread] = []
        self._queue = JobQueue()

    def start(self, job: Job) -> None:
        """Run a job, or let it wait for its resource."""
        self._jobs[job.number] = job
        self._last_views.pop(job.number, None)
        if job.resource:
            self._queue.join(job.number)
        name = f"sightline-{job.kind}-{job.number}"
        # An endless download or watch must not keep a process that was asked to end.
        thread = threading.Thread(target=self._run, args=(job,), name=name, daemon=not job.resource)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def get(self, number: int) -> Job:
        """Return a job that runs or waits. Raises UnknownName."""
        job = self._jobs.get(number)
        if job is None:
            raise UnknownName(f"job {number} is not running")
        return job

    def is_active(self, number: int) -> bool:
        """Return whether a job runs or waits."""
        return number in self._jobs

    def active(self) -> set[int]:
        """Return the numbers of the jobs that run or wait."""
        return set(self._jobs)

    def jobs(self) -> list[Job]:
        """Return the jobs that run or wait: in the order of the queue, then those beside it."""
        queued = self._queue.order()
        beside = sorted(number for number in list(self._jobs) if number not in queued)
        found = (self._jobs.get(number) for number in (*queued, *beside))
        return [job for job in found if job is not None]

    def states(self) -> tuple[JobState, ...]:
        """Return the state of each job, in the order of `jobs`."""
        return tuple(job.state(self._word(job)) for job in self.jobs())

    def views(self) -> list[View]:
        """Return what else there is to show: of jobs that ended, then of those that run."""
        running = (job.view(self._word(job)) for job in self.jobs())
        return [*self._last_views.values(), *(view for view in running if view is not None)]

    def ended(self, number: int) -> Ended | None:
        """Return how a job of this engine ended; None while it runs or waits."""
        return None if number in self._jobs else self._ends.get(number, Ended("interrupted"))

    def forget(self, number: int) -> None:
        """Show a job no more that was removed."""
        self._last_views.pop(number, None)

    def pause(self, number: int) -> None:
        """Pause a job; a waiting one lets others go before it. Raises UnknownName."""
        self.get(number).pause()
        self._queue.hold(number)

    def continue_(self, number: int) -> None:
        """Resume a paused job. Raises UnknownName."""
        self.get(number).continue_()
        self._queue.release(number)

    def cancel(self, number: int) -> None:
        """End a job; what is done stays. Raises UnknownName."""
        self.get(number).cancel()
        self._queue.wake()

    def move(self, number: int, by: int) -> None:
        """Move a job that waits by so many places. Raises UnknownName or UsageError."""
        job = self.get(number)
        if not job.resource:
            raise UsageError(f"job {number} is not in the queue: it runs without waiting")
        self._queue.move(number, by)

    def suspend(self, *, standing_only: bool = False) -> None:
        """End jobs because the engine ends."""
        for job in self.jobs():
            if job.standing or not standing_only:
                job.suspend()
        self._queue.wake()

    def join(self, *, standing_only: bool = False) -> None:
        """Wait until jobs have ended."""
        standing = {f"sightline-{job.kind}-{job.number}" for job in self.jobs() if job.standing}
        for thread in list(self._threads):
            if not standing_only or thread.name in standing:
                thread.join()

    def _word(self, job: Job) -> str:
        if job.resource:
            return self._queue.state(job.number)
        return "paused" if job.control.paused else "running"

    @contextmanager
    def _turn(self, job: Job) -> Iterator[None]:
        if not job.resource:
            yield
            return
        with self._queue.turn(job.number, lambda: job.control.cancelled):
            yield

    def _run(self, job: Job) -> None:
        began = time.monotonic()
        end = Ended("done")
        try:
            with self._turn(job):
                job.run()
        except Cancelled:
            # Cancelled after its last unit of work: then there is nothing to continue.
            end = Ended("done" if job.is_complete else "interrupted")
        except (SightlineError, OSError) as error:
            end = job.ended_by(error)
        except BaseException as fault:
            end = defect(job.number, fault)
        self._end(job, end, time.monotonic() - began)

    def _end(self, job: Job, end: Ended, seconds: float) -> None:
        try:
            end, last = job.finish(end, seconds)
        except BaseException as fault:
            end, last = defect(job.number, fault), ()
        self._ends[job.number] = end
        view = job.last_view(end)
        if view is not None:
            self._last_views[job.number] = view
        del self._jobs[job.number]  # before a client that reads of the end submits the job again
        for message in last:
            self._emit(message)
