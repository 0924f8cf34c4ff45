"""The one door: scans are submitted, resumed, paused, cancelled and removed here.

The engine is asynchronous; the work itself runs in threads of its own (`scan.py`) and in reader
processes (`sources/reader.py`). Events are numbered and kept, so a viewer that looked away asks
for those since the last one it saw.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.profiles import build, resolve
from ..config.spec import Spec
from ..errors import NothingLeft, NothingToScan, SightlineError, UnknownName, UsageError
from ..pipeline.channel import Cancelled
from ..protocol import commands
from ..protocol.messages import (
    LeftOut,
    Message,
    PullEnded,
    ScanFinished,
    ScanStarted,
    TaskFinished,
    TaskStarted,
    Warned,
)
from ..protocol.state import EngineState, ModelState
from ..scans.plan import Source, nothing_found, plan, plan_again, task_rows
from ..scans.scan_job import ScanJob
from ..scans.task_results import Ended, cut_short
from ..storage.library import Library
from ..storage.runs import UNFINISHED, TaskRow
from ..text import counted
from .downloads import Downloads
from .job_queue import JobQueue
from .watched_folders import WatchedFolders

if TYPE_CHECKING:
    from ..inference.session import InferenceSession
    from ..models.residency import Residency
    from ..scans.resolve_models import ResolvedModels
    from ..sources.process import ReaderProcess

log = logging.getLogger("sightline.engine")
MAX_EVENTS = 100_000
EVENTS_AT_ONCE = 10_000
MOST_UNREAD = 500_000
"""events kept for whoever reads along and is behind: a scan of very many known sources says what it
knows of them faster than anybody prints it"""


class Engine:
    """Runs scans over one library, one after another in the order of `turns.py`."""

    def __init__(
        self, library: Library, nice: int = 0, reader: ReaderProcess | None = None
    ) -> None:
        """`nice` is how decoders stand back for others; `reader` is one that runs already."""
        self._reader = reader
        self.library = library
        self._nice = nice
        self._loop = asyncio.get_running_loop()
        self._events: list[Message] = []
        self._dropped = 0
        self._read_up_to: dict[object, int] = {}
        """by reader: the number of the event it is at"""
        self._lock = threading.Lock()
        self._news = asyncio.Event()
        self._jobs: dict[int, ScanJob] = {}
        self._ends: dict[int, Ended] = {}
        self._threads: list[threading.Thread] = []
        self._queue = JobQueue()
        self._residency: Residency | None = None
        self._downloads = Downloads(
            lambda name, state, reason: self._emit(PullEnded(0, name, state, reason))
        )
        self._watches = WatchedFolders(
            library.watched,
            self.send,
            self.ended,
            lambda text: self._emit(Warned(0, text)),
        )
        library.runs.settle()

    async def send(self, command: commands.Command) -> int:
        """Carry out a command and return the scan it is about. Raises SightlineError."""
        match command:
            case commands.SubmitScan():
                return await asyncio.to_thread(self._submit, command)
            case commands.ResumeScan():
                return await asyncio.to_thread(self._resume, command)
            case commands.RemoveScan():
                return await asyncio.to_thread(self._remove, command.scan)
            case commands.WatchFolder():
                self._watches.start(command)
            case commands.EndWatch():
                self._watches.end(command)
            case commands.MarkFrame():
                await asyncio.to_thread(
                    self.library.remarks.mark, command.content, command.frame, on=command.on
                )
            case commands.CorrectFrame():
                await asyncio.to_thread(
                    self.library.remarks.correct,
                    command.content, command.frame, command.what, command.text,
                )  # fmt: skip
            case (
                commands.PullModel() | commands.PausePull() | commands.ContinuePull()
                | commands.CancelPull() | commands.RemoveModel()
            ):  # fmt: skip
                await asyncio.to_thread(self._fetch, command)
            case _:
                self._steer(command)
        return command.scan if isinstance(command, commands.AboutScan) else 0

    def _fetch(self, command: commands.AboutModel) -> None:
        match command:
            case commands.PullModel():
                self._downloads.start(command)
            case commands.PausePull():
                self._downloads.pause(command.name)
            case commands.ContinuePull():
                self._downloads.go_on(command.name)
            case commands.CancelPull():
                self._downloads.cancel(command.name)
            case commands.RemoveModel():
                from ..hub.hub import Hub

                Hub().remove(command.name)

    def _steer(self, command: commands.Command) -> None:
        """Hold, end or move a scan that is running or waiting."""
        match command:
            case commands.PauseScan():
                self._job(command.scan).control.pause()
                self._queue.hold(command.scan)
            case commands.ContinueScan():
                self._job(command.scan).control.resume()
                self._queue.let_go(command.scan)
            case commands.CancelScan():
                self._job(command.scan).control.cancel()
                self._queue.wake()
            case commands.EndScan():
                self._job(command.scan).end_after_source()
            case commands.MoveScan():
                self._job(command.scan)
                self._queue.move(command.scan, command.by)

    def ended(self, scan: int) -> Ended | None:
        """Return how a scan of this engine ended; None while it runs or waits."""
        return None if scan in self._jobs else self._ends.get(scan, Ended("interrupted"))

    def snapshot(self) -> EngineState:
        """Return what everything looks like now."""
        with self._lock:
            sequence = self._dropped + len(self._events)
        scans = tuple(
            self._jobs[scan].state(self._queue.state(scan))
            for scan in self._queue.order()
            if scan in self._jobs
        )
        held = self._residency.held() if self._residency is not None else []
        models = tuple(
            ModelState(each.name, each.device, each.bytes, each.users > 0, each.idle_seconds)
            for each in held
        )
        return EngineState(
            sequence, str(self.library.folder), scans,
            models=models, downloads=self._downloads.states(), watches=self._watches.states(),
            warnings=self.library.warnings,
        )  # fmt: skip

    async def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield (number, event) from number `since` on, then every new one as it happens."""
        number, reader = since, object()
        try:
            while True:
                self._news.clear()
                with self._lock:
                    number = max(number, self._dropped)
                    fresh = self._events[number - self._dropped :][:EVENTS_AT_ONCE]
                    self._read_up_to[reader] = number
                for event in fresh:
                    yield number, event
                    number += 1
                if not fresh:
                    await self._news.wait()
        finally:
            with self._lock:
                self._read_up_to.pop(reader, None)

    def check_library(self) -> None:
        """Raise LibraryGone if the library was deleted, moved or replaced."""
        self.library.database.check_there()

    def watch_again(self) -> None:
        """Go on with the folders that an engine before this one watched."""
        self._watches.go_on()

    async def hold_watches(self) -> None:
        """Watch nothing any more; the library remembers what was watched."""
        await self._watches.close()

    async def close(self) -> None:
        """Stop running scans after the microbatch in hand, wait for them, and close the library."""
        await self.hold_watches()
        if self._reader is not None:
            self._reader.end()
        for job in list(self._jobs.values()):
            job.control.cancel()
        self._queue.wake()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        await asyncio.to_thread(self._downloads.close)
        if self._residency is not None:
            self._residency.close()
        self.library.close()

    def _submit(self, command: commands.SubmitScan) -> int:
        spec = resolve(command.profile, command.overrides)
        notes: list[str] = []
        resolved = self._resolved_models(spec, notes.append)
        spec = resolved.spec
        planned = plan(
            self.library, spec, command.paths, command.globs, command.mode,
            follow_links=command.follow_links,
        )  # fmt: skip
        if not planned.sources and command.mode != "changed":
            raise NothingToScan(nothing_found(command.paths, planned))
        asked = {
            "paths": list(command.paths), "globs": list(command.globs), "mode": command.mode,
            "follow_links": command.follow_links,
        }  # fmt: skip
        dump = spec.model_dump(mode="json")
        rows = task_rows(planned)
        scan = self.library.runs.create(spec.profile, dump, spec.hash(), asked, rows)
        if planned.left_out:
            files = counted(planned.left_out, "file")
            notes.insert(0, f"{files} left out: no stage of this profile looks at their kind")
        self._announce(scan, spec.profile, planned.sources, rows[len(planned.sources) :], notes)
        if planned.passed_over:
            self._emit(LeftOut(scan, **asdict(planned.passed_over)))
        self._start(scan, resolved, list(planned.sources), redo=command.mode == "redo")
        return scan

    def _announce(
        self, scan: int, profile: str, sources: Sequence[Source], gone: Sequence[TaskRow],
        notes: Sequence[str],
    ) -> None:  # fmt: skip
        """Say that a scan begins, which of its sources are not there, and what to know of it."""
        known = sum(1 for source in sources if source.result is not None or source.failure)
        self._emit(ScanStarted(scan, profile, len(sources), known))
        for note in notes:
            self._emit(Warned(scan, note))
        for task in gone:
            self._emit(TaskStarted(scan, task.number, task.path, None))
            self._emit(TaskFinished(scan, task.number, task.path, "failed", task.reason, 0, 0, 0.0))

    def _resolved_models(self, spec: Spec, notify: Callable[[str], None]) -> ResolvedModels:
        """Return the spec with its models pinned, and how they are loaded."""
        if not spec.model_stages:
            return without_models(spec)
        from ..scans.resolve_models import resolve_models

        return resolve_models(spec, notify)

    def _resume(self, command: commands.ResumeScan) -> int:
        row = self.library.runs.get(command.scan)
        if command.scan in self._jobs:
            raise UsageError(f"scan {command.scan} is running")
        spec = build({**row.spec}, row.profile, f"scan {command.scan}")
        states = ("failed",) if command.failed else UNFINISHED
        tasks = self.library.runs.tasks(command.scan, states)
        if not tasks and (command.failed or not row.was_settled):
            raise NothingLeft(
                f"scan {command.scan} is {row.state}: nothing left to do; "
                "`runs resume --failed` tries failed sources again"
            )
        mode = "retry_failed" if command.failed else row.asked["mode"]
        notes: list[str] = []
        resolved = self._resolved_models(spec, notes.append) if tasks else without_models(spec)
        sources, gone = plan_again(self.library, spec, tasks, mode)
        self.library.runs.add_tasks(command.scan, gone)
        self.library.runs.set_state(command.scan, "running")
        self._announce(command.scan, row.profile, sources, gone, notes)
        self._start(command.scan, resolved, sources, redo=mode == "redo")
        return command.scan

    def _remove(self, scan: int) -> int:
        if scan in self._jobs:
            raise UsageError(f"scan {scan} is running; cancel it first")
        self.library.runs.remove(scan)
        self.library.results.prune()
        self.library.annotations.prune()
        self.library.thumbnails.keep_only(self.library.results.contents())
        return scan

    def _start(
        self, scan: int, resolved: ResolvedModels, sources: list[Source], *, redo: bool
    ) -> None:
        spec = resolved.spec
        session = self._session(scan, resolved, redo=redo) if resolved.loadings else None
        job = ScanJob(
            self.library, scan, spec.profile, spec, self._emit, redo=redo, session=session,
            nice=self._nice, reader=self._reader,
        )  # fmt: skip
        self._reader = None
        if session is not None:
            session.cancelled = lambda: job.control.cancelled
        self._jobs[scan] = job
        self._queue.join(scan)
        thread = threading.Thread(
            target=self._run, args=(job, sources), name=f"sightline-scan-{scan}"
        )
        self._threads.append(thread)
        thread.start()

    def _session(self, scan: int, resolved: ResolvedModels, *, redo: bool) -> InferenceSession:
        from ..models.residency import Residency
        from ..scans.resolve_models import open_session

        def notify(note: str) -> None:
            self._emit(Warned(scan, note))

        if self._residency is None:
            self._residency = Residency(self.library.footprints)
        return open_session(self.library, self._residency, resolved, notify, redo=redo)

    def _run(self, job: ScanJob, sources: list[Source]) -> None:
        began = time.monotonic()
        end = Ended("done")
        try:
            with self._queue.turn(job.scan, lambda: job.control.cancelled):
                job.run(sources)
        except Cancelled:
            # Called off after its last source: then there is nothing to go on with.
            end = Ended("done" if job.is_complete else "interrupted")
        except (SightlineError, OSError) as error:
            end = cut_short(job.scan, error)
        except BaseException as fault:
            log.exception("scan %d ended by a defect", job.scan)
            end = Ended("failed", f"internal error: {type(fault).__name__}: {fault}")
        self._end(job, end, time.monotonic() - began)

    def _end(self, job: ScanJob, end: Ended, seconds: float) -> None:
        counts = job.counts()
        try:
            self.library.runs.set_state(job.scan, end.state)
            self.library.runs.settle(set(self._jobs), later=job.scan)
            counts = self.library.runs.counts(job.scan)
        except SightlineError as fault:
            end = end if end.reason else Ended("interrupted", str(fault), type(fault).__name__)
        self._ends[job.scan] = end
        del self._jobs[job.scan]  # before anybody hears of the end and asks for the scan again
        self._emit(
            ScanFinished(
                job.scan, end.state, counts.get("done", 0), counts.get("known", 0),
                counts.get("failed", 0), counts.get("moments", 0), round(seconds, 3), end.reason,
                end.fault,
            )
        )  # fmt: skip

    def _emit(self, event: Message) -> None:
        with self._lock:
            self._events.append(event)
            if len(self._events) > MAX_EVENTS:
                self._drop_events()
        if self._news.is_set():
            return  # whoever waits has not looked since, and will find this too
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # the loop is closed: nobody listens any more
            log.debug("no listener for %s", type(event).__name__)

    def _drop_events(self) -> None:
        """Forget the oldest events, as far as everybody who reads along has had them."""
        many = MAX_EVENTS // 2
        if len(self._events) < MOST_UNREAD:
            slowest = min(self._read_up_to.values(), default=self._dropped + many)
            many = max(0, min(many, slowest - self._dropped))
        self._dropped += many
        del self._events[:many]

    def _job(self, scan: int) -> ScanJob:
        if scan not in self._jobs:
            raise UnknownName(f"scan {scan} is not running")
        return self._jobs[scan]


def without_models(spec: Spec) -> ResolvedModels:
    """Return a spec for which no model is loaded."""
    from ..scans.resolve_models import ResolvedModels

    return ResolvedModels(spec, {})


def open_engine(folder: Path, nice: int = 0, reader: ReaderProcess | None = None) -> Engine:
    """Open the library of a folder for writing and return an engine over it."""
    library = Library(folder)
    try:
        return Engine(library, nice, reader)
    except BaseException:
        library.close()  # else nobody could open it while this process lives
        raise
