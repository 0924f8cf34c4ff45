"""A scan as a job of the engine; `core/scans` does the work."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Self

from ...config.profiles import build, resolve
from ...config.spec import Spec
from ...errors import NothingLeft, NothingToScan, SightlineError
from ...protocol.commands import SubmitScan
from ...protocol.messages import (
    LeftOut,
    Message,
    ScanFinished,
    ScanStarted,
    TaskFinished,
    TaskStarted,
    Warned,
)
from ...protocol.state import ScanState
from ...scans.plan import Plan, Source, nothing_found, plan, plan_again, task_rows
from ...scans.scan_job import ScanJob
from ...scans.tag_list import with_tag_list
from ...storage.jobs import JobRow
from ...storage.runs import UNFINISHED, TaskRow
from ...text import counted
from ..job import DEVICES, Job, JobContext
from ..job_end import Ended, cut_short
from .models import resolved_models, without_models
from .titles import title_of

if TYPE_CHECKING:
    from ...inference.session import InferenceSession
    from ...scans.resolve_models import ResolvedModels
    from .scan_indexing import ScanIndexing


class Scan(Job):
    """Sources looked through with one profile. Its sources are the tasks of `storage/runs.py`."""

    kind = "scan"
    resource = DEVICES
    unit = "source"

    def __init__(
        self, context: JobContext, number: int, title: str, resolved: ResolvedModels,
        sources: Sequence[Source], *, redo: bool,
    ) -> None:  # fmt: skip
        super().__init__(context, number, title)
        self._sources = sources
        spec = resolved.spec
        session = _session(context, number, resolved, redo=redo)
        self._scan = ScanJob(
            context.library, number, spec.profile, spec, context.emit, redo=redo, session=session,
            nice=context.nice, reader=context.take_reader(), parent=self.control,
        )  # fmt: skip
        if session is not None:
            session.cancelled = lambda: self._scan.control.cancelled
        self._indexing = _indexing(context, number, resolved)

    @classmethod
    def submit(cls, context: JobContext, command: Any) -> Self:
        """Plan a scan and keep its plan. Raises NothingToScan, ProfileError, ModelMissing."""
        notes: list[str] = []
        began = time.monotonic()
        resolved = with_tag_list(
            resolved_models(resolve(command.profile, command.overrides), notes.append)
        )
        planned = _planned(context, resolved.spec, command)
        number, gone = _kept(context, resolved.spec, command, planned)
        if planned.left_out:
            files = counted(planned.left_out, "file")
            notes.insert(0, f"{files} left out: no stage of this profile processes this kind")
        _announce(
            context, number, resolved.spec.profile, planned.sources, gone, notes, command.watch
        )
        if planned.passed_over:
            context.emit(LeftOut(number, **asdict(planned.passed_over)))
        title = title_of(resolved.spec.profile, command.paths)
        redo = command.mode == "redo"
        job = cls(context, number, title, resolved, list(planned.sources), redo=redo)
        job._scan.prepared_seconds = time.monotonic() - began
        return job

    @classmethod
    def resume(cls, context: JobContext, row: JobRow, *, failed: bool) -> Self:
        """Continue with a scan's open sources, or its failed ones. Raises NothingLeft."""
        runs, number = context.library.runs, row.number
        scan = runs.get(number)
        spec = build({**scan.spec}, scan.profile, f"scan {number}")
        tasks = runs.tasks(number, ("failed",) if failed else UNFINISHED)
        if not tasks and (failed or not scan.was_settled):
            raise NothingLeft(
                f"scan {number} is {scan.state}: nothing left to do; "
                "`runs resume --failed` retries failed sources"
            )
        mode = "retry_failed" if failed else scan.asked["mode"]
        notes: list[str] = []
        resolved = resolved_models(spec, notes.append) if tasks else without_models(spec)
        sources, gone = plan_again(context.library, spec, tasks, mode)
        runs.add_tasks(number, gone)
        runs.set_state(number, "running")
        _announce(context, number, scan.profile, sources, gone, notes)
        title = title_of(scan.profile, scan.asked["paths"])
        return cls(context, number, title, resolved, sources, redo=mode == "redo")

    @classmethod
    def clean_up(cls, context: JobContext, number: int) -> None:
        """Remove results, answers and thumbnails that no other scan needs."""
        library = context.library
        library.results.prune()
        library.annotations.prune()
        library.thumbnails.keep_only(library.results.contents())

    def run(self) -> None:
        """Work through the sources, and index their vectors beside that where it is asked."""
        if self._indexing is None:
            self._scan.run(self._sources)
            return
        with self._indexing.beside():
            self._scan.run(self._sources)
        self._indexing.finish(self._scan.control.checkpoint, complete=self._scan.is_complete)

    @property
    def is_complete(self) -> bool:
        """Return whether every source is finished."""
        return self._scan.is_complete

    def progress(self) -> tuple[int, int]:
        """Return how many sources are finished, and of how many."""
        state = self.view("")
        return state.finished, state.sources

    def view(self, word: str) -> ScanState:
        """Return the state of the scan and its sources in work."""
        return replace(self._scan.state(word), sources=len(self._sources))

    def end_after_unit(self) -> None:
        """End after the current source."""
        self._scan.end_after_source()

    def ended_by(self, error: SightlineError | OSError) -> Ended:
        """Return the end of a scan that an error ended: it may always be resumed."""
        return cut_short(self.number, error)

    def finish(self, end: Ended, seconds: float) -> tuple[Ended, Sequence[Message]]:
        """Keep how the scan ended; earlier ones of the same spec may be complete by it."""
        runs, counts = self._context.library.runs, self._scan.counts()
        try:
            runs.set_state(self.number, end.state)
            runs.settle(set(self._context.active()), later=self.number)
            counts = runs.counts(self.number)
        except SightlineError as fault:
            end = end if end.reason else Ended("interrupted", str(fault), type(fault).__name__)
        last = ScanFinished(
            self.number, end.state, counts.get("done", 0), counts.get("known", 0),
            counts.get("failed", 0), counts.get("moments", 0), round(seconds, 3), end.reason,
            end.fault,
        )  # fmt: skip
        return end, [last]


def _planned(context: JobContext, spec: Spec, command: SubmitScan) -> Plan:
    planned = plan(
        context.library, spec, command.paths, command.globs, command.mode,
        follow_links=command.follow_links,
    )  # fmt: skip
    if not planned.sources and command.mode != "changed":
        raise NothingToScan(nothing_found(command.paths, planned))
    return planned


def _kept(
    context: JobContext, spec: Spec, command: SubmitScan, planned: Plan
) -> tuple[int, list[TaskRow]]:
    """Keep a scan; return its number and the tasks whose sources are not there."""
    asked = {
        "paths": list(command.paths), "globs": list(command.globs), "mode": command.mode,
        "follow_links": command.follow_links,
    }  # fmt: skip
    rows = task_rows(planned)
    dump = spec.model_dump(mode="json")
    number = context.library.runs.create(spec.profile, dump, spec.hash(), asked, rows)
    return number, rows[len(planned.sources) :]


def _announce(
    context: JobContext, scan: int, profile: str, sources: Sequence[Source],
    gone: Sequence[TaskRow], notes: Sequence[str], watch: int = 0,
) -> None:  # fmt: skip
    """Say that a scan begins, which of its sources are not there, and what to know of it."""
    known = sum(1 for source in sources if source.result is not None or source.failure)
    context.emit(ScanStarted(scan, profile, len(sources), known, watch))
    for note in notes:
        context.emit(Warned(scan, note))
    for task in gone:
        context.emit(TaskStarted(scan, task.number, task.path, None))
        context.emit(TaskFinished(scan, task.number, task.path, "failed", task.reason, 0, 0, 0.0))


def _indexing(context: JobContext, number: int, resolved: ResolvedModels) -> ScanIndexing | None:
    if not resolved.spec.run.index:
        return None
    from .scan_indexing import ScanIndexing

    return ScanIndexing(context, resolved, lambda note: context.emit(Warned(number, note)))


def _session(
    context: JobContext, number: int, resolved: ResolvedModels, *, redo: bool
) -> InferenceSession | None:
    if not resolved.loadings:
        return None
    from ...scans.resolve_models import open_session

    def notify(note: str) -> None:
        context.emit(Warned(number, note))

    return open_session(context.library, context.residency(), resolved, notify, redo=redo)
