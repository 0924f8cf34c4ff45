"""The engine of a library: jobs are submitted, resumed, paused, moved, cancelled and removed here.

The engine is asynchronous; jobs run in threads of their own (`job_runner.py`) and in reader
processes (`sources/reader.py`). It holds what all jobs share, above all the one owner of devices
and loaded models, and knows no kind of job by name.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SightlineError, UnknownName, UsageError
from ..protocol import commands
from ..protocol.messages import Message, Warned
from ..protocol.state import DownloadState, EngineState, ModelState, ScanState, WatchState
from ..storage.jobs import JobRow
from ..storage.library import Library
from ..system.allocation import keep_freed_memory
from . import command_table
from .job import JobContext
from .job_end import Ended
from .job_registry import KINDS, kind_of
from .job_runner import JobRunner
from .message_log import MessageLog

if TYPE_CHECKING:
    from ..models.residency import Residency
    from ..search.index import SearchIndex
    from ..sources.process import ReaderProcess

log = logging.getLogger("sightline.engine")


class Engine:
    """Runs jobs over one library. Blocking methods say so; call them in a thread."""

    def __init__(
        self, library: Library, nice: int = 0, reader: ReaderProcess | None = None
    ) -> None:
        """`nice` is the nice value of decoders; `reader` is one that runs already."""
        self.library = library
        self.messages = MessageLog()
        self._reader = reader
        self._residency: Residency | None = None
        self._index: SearchIndex | None = None
        self._lock = threading.Lock()
        self._resuming: set[int] = set()
        self._runner = JobRunner(self.messages.emit)
        self._context = JobContext(
            library, self.messages.emit, self.owner_of_models, nice, self._take_reader,
            self.submit, self.resume, self.ended, self.cancel, self.find, self._runner.active,
            self.search_index,
        )  # fmt: skip
        library.runs.settle()
        library.jobs.settle(KINDS.names())
        self._sweep_scratch()

    async def send(self, command: commands.Command) -> int:
        """Carry out a command and return the job it is about. Raises SightlineError."""
        return await asyncio.to_thread(command_table.carry_out, self, command)

    def submit(self, command: Any) -> int:
        """Submit a job and return its number. Blocking. Raises SightlineError.

        `command.JOB` is the kind of job.
        """
        job = KINDS.load(command.JOB).submit(self._context, command)
        self._runner.start(job)
        return job.number

    def resume(self, number: int, *, failed: bool = False) -> int:
        """Continue with a job in the library, or try again what failed in it. Blocking.

        Raises SightlineError.
        """
        row = self.library.jobs.get(number)
        kind = kind_of(row)
        with self._lock:
            self._check_is_inactive(row)
            self._resuming.add(number)
        try:
            self._runner.start(kind.resume(self._context, row, failed=failed))
        finally:
            with self._lock:
                self._resuming.discard(number)
        return number

    def remove(self, number: int) -> int:
        """Remove a job and what no other job needs. Blocking. Raises SightlineError."""
        row = self.library.jobs.get(number)
        kind = kind_of(row)
        self._check_is_inactive(row, "; cancel it first")
        self.library.jobs.remove(number)
        self._runner.forget(number)
        kind.clean_up(self._context, number)
        return number

    def pause(self, number: int) -> None:
        """Pause a job between two steps. Raises UnknownName."""
        self._runner.pause(number)

    def continue_(self, number: int) -> None:
        """Resume a paused job. Raises UnknownName."""
        self._runner.continue_(number)

    def cancel(self, number: int) -> None:
        """End a job; what is done stays. Raises UnknownName."""
        self._runner.cancel(number)

    def end_after_source(self, number: int) -> None:
        """End a job after the current unit of work. Raises UnknownName."""
        self._runner.get(number).end_after_unit()

    def move(self, number: int, by: int) -> None:
        """Move a job that waits by so many places in the queue. Raises UnknownName, UsageError."""
        self._runner.move(number, by)

    def find(self, kind: str, title: str) -> int | None:
        """Return the job of a kind and title that runs or waits and was not cancelled."""
        for job in self._runner.jobs():
            if (job.kind, job.title) == (kind, title) and not job.control.cancelled:
                return job.number
        return None

    def ended(self, number: int) -> Ended | None:
        """Return how a job of this engine ended; None while it runs or waits."""
        return self._runner.ended(number)

    def snapshot(self) -> EngineState:
        """Return the state of everything now."""
        sequence = self.messages.sequence
        views = self._runner.views()
        downloads = {view.name: view for view in views if isinstance(view, DownloadState)}
        return EngineState(
            sequence, str(self.library.folder),
            scans=tuple(view for view in views if isinstance(view, ScanState)),
            models=self._models(),
            downloads=tuple(downloads.values()),
            watches=tuple(view for view in views if isinstance(view, WatchState)),
            warnings=self.library.warnings,
            jobs=self._runner.states(),
        )  # fmt: skip

    def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield (number, message) from number `since` on, then every new one as it comes."""
        return self.messages.since(since)

    def check_library(self) -> None:
        """Raise LibraryGone if the library was deleted, moved or replaced."""
        self.library.database.check_there()

    def watch_again(self) -> None:
        """Continue with the standing jobs of an engine before this one."""
        for row in reversed(self.library.jobs.all()):
            if row.kind not in KINDS.names() or row.state == "done":
                continue
            continued = KINDS.load(row.kind).continues_by_itself(row)
            if not continued or self._runner.is_active(row.number):
                continue
            try:
                self.resume(row.number)
            except (SightlineError, TypeError, KeyError) as error:
                self.messages.emit(Warned(0, f"job {row.number} cannot continue: {error}"))

    async def hold_watches(self) -> None:
        """End standing jobs; the library keeps them, and the next engine continues them."""
        self._runner.suspend(standing_only=True)
        await asyncio.to_thread(self._runner.join, standing_only=True)

    async def close(self) -> None:
        """End all jobs after the current step, wait for them, and close the library."""
        await self.hold_watches()
        if self._reader is not None:
            self._reader.end()
        self._runner.suspend()
        await asyncio.to_thread(self._runner.join)
        if self._residency is not None:
            self._residency.close()
        if self._index is not None:
            self._index.close()
        self.library.close()

    def _check_is_inactive(self, row: JobRow, then: str = "") -> None:
        if self._runner.is_active(row.number) or row.number in self._resuming:
            raise UsageError(f"{row.kind.replace('-', ' ')} {row.number} is running{then}")

    def owner_of_models(self) -> Residency:
        """Return the one owner of devices and loaded models."""
        from ..models.residency import Residency

        with self._lock:
            if self._residency is None:
                self._residency = Residency(self.library.footprints)
            return self._residency

    def search_index(self) -> SearchIndex:
        """Return the index of vectors, which this engine alone opens."""
        from ..search.index import SearchIndex

        with self._lock:
            if self._index is None:
                self._index = SearchIndex(self.library, writable=True)
            return self._index

    def _take_reader(self) -> ReaderProcess | None:
        with self._lock:
            reader, self._reader = self._reader, None
            return reader

    def _models(self) -> tuple[ModelState, ...]:
        held = self._residency.held() if self._residency is not None else []
        return tuple(
            ModelState(each.name, each.device, each.bytes, each.users > 0, each.idle_seconds)
            for each in held
        )

    def _sweep_scratch(self) -> None:
        """Remove what jobs left in the library that were removed, have ended or were killed."""
        for folder in self.library.scratch.glob("*"):
            try:
                row = self.library.jobs.get(int(folder.name))
            except (UnknownName, ValueError):
                _remove(folder)
                continue
            if row.kind in KINDS.names():
                sweep = KINDS.load(row.kind).sweep_scratch
                (_remove if row.state == "done" else sweep)(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def open_engine(folder: Path, nice: int = 0, reader: ReaderProcess | None = None) -> Engine:
    """Open the library of a folder for writing and return an engine over it."""
    keep_freed_memory()
    library = Library(folder)
    try:
        return Engine(library, nice, reader)
    except BaseException:
        library.close()  # else it stays locked while this process runs
        raise
