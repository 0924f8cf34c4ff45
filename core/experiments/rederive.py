"""Scanning a scan's sources again, in another library, and comparing with what is kept."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..config.spec import Spec
from ..errors import ReaderKilled, SourceError
from ..inference.session import InferenceSession
from ..models.residency import Residency
from ..pipeline.channel import Cancelled, Control
from ..protocol.views import RederivedSource
from ..records import asked_stream, content_of, of_the_file
from ..scans.gating import FrameGate
from ..scans.plan import Source
from ..scans.resolve_models import open_session, resolve_models
from ..scans.scan_job import ScanJob
from ..scans.stored_spec import exact_spec_of
from ..screening.registry import versions
from ..sources.locator import FoundFile, find_one, locate
from ..sources.reader import KILLED
from ..storage.library import Library
from ..storage.runs import TaskRow
from ..storage.stage_input import keep_input_of
from ..stores.answers import Annotation
from ..stores.results import Result
from .agreement import key_of, same
from .stage_output import Golden, check_replay, difference, output_of

EARLIER = "measured by an earlier version; scan it again"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a library holds about one source."""

    result: Result
    annotations: list[Annotation]


def verify(
    library: Library, scan: int, stage: str = "", golden: Golden | None = None
) -> Iterator[RederivedSource]:
    """Yield each source of a scan measured again, without an engine: for a read-only library.

    Raises UnknownName, UsageError, EnvironmentFault.
    """
    with (
        tempfile.TemporaryDirectory(prefix="sightline-verify-") as folder,
        closing(Library(Path(folder))) as beside,
    ):
        residency = Residency(beside.footprints)
        try:
            again = Rederivation(
                library, scan, beside, residency, Control(), stage=stage, golden=golden
            )
            for task in library.runs.tasks(scan):
                yield again.check(task)
        finally:
            residency.close()


class Rederivation:
    """Measures the sources of one scan again, models and all, in another library.

    `beside` is that library; what is in it already is taken as measured again. With a `stage`, it
    is filled with what is kept of all others, so that this one alone runs, on the input it had,
    and only its output is compared: with `golden`, or else with what is kept.
    """

    def __init__(
        self, library: Library, scan: int, beside: Library, residency: Residency,
        control: Control, *, stage: str = "", golden: Golden | None = None,
    ) -> None:  # fmt: skip
        """Raises UnknownName, UsageError, ModelMissing."""
        self._library = library
        self._beside = beside
        self._control = control
        self._spec = exact_spec_of(library, scan)
        self._stage = stage
        self._golden = golden
        if stage:
            check_replay(self._spec, stage, golden)
            keep_input_of(library.database, beside.database, stage)
        self._session = _session(beside, residency, self._spec)
        self._gate = FrameGate(self._spec)

    def check(self, task: TaskRow) -> RederivedSource:
        """Measure one source again and compare. Raises EnvironmentFault, Cancelled."""
        library, spec = self._library, self._spec
        kept = _kept(library, task.content, spec) if task.content else None
        if kept is None:
            return RederivedSource(task.path, "skipped", task.reason or f"task is {task.state}")
        before = library.results.info(kept.result.content, task.path)
        if not kept.result.measured_by(versions(spec.screening_stages), before.timing):
            return RederivedSource(task.path, "skipped", EARLIER)
        try:
            if locate(task.path).content() != of_the_file(content_of(kept.result.content, None)):
                reason = "the file is not the one that was scanned"
                return RederivedSource(task.path, "changed", reason)
            again = self._again(task)
        except FileNotFoundError:
            return RederivedSource(task.path, "skipped", "the file is gone")
        except ReaderKilled as error:
            return RederivedSource(task.path, "skipped", str(error))
        except (SourceError, OSError) as error:
            return RederivedSource(task.path, "changed", f"can no longer be read ({error})")
        now = self._beside.results.info(again.result.content, task.path)
        if (now.timing, now.pixels) != (before.timing, before.pixels):
            return RederivedSource(task.path, "skipped", EARLIER)
        if self._golden is not None and task.content not in self._golden.sources:
            return RederivedSource(task.path, "skipped", "the golden file does not contain it")
        found = self._difference_of_stage(again) if self._stage else _difference(kept, again)
        return RederivedSource(task.path, "changed" if found else "same", found)

    def _difference_of_stage(self, again: _Kept) -> str:
        content, spec, stage = again.result.content, self._spec, self._stage
        before = output_of(self._library, content, spec, stage)
        if self._golden is not None:
            before = self._golden.sources[content]
        now = output_of(self._beside, content, spec, stage)
        return difference(before, now) if before and now else "no result"

    def _again(self, task: TaskRow) -> _Kept:
        found = find_one(task.path)
        if not isinstance(found, FoundFile):
            raise FileNotFoundError(os.fspath(task.path))
        beside, spec = self._beside, self._spec
        scan = beside.runs.create(spec.profile, spec.model_dump(mode="json"), spec.hash(), {}, [])
        job = ScanJob(
            beside, scan, spec.profile, spec, lambda _event: None, redo=False,
            session=self._session, parent=self._control, gate=self._gate,
            logged=False,
        )  # fmt: skip
        if self._session is not None:
            self._session.cancelled = lambda: job.control.cancelled
        stream = asked_stream(task.content) if task.content else None
        job.run([Source(1, found, task.kind, stream=stream)])
        if self._control.cancelled:
            raise Cancelled
        (row,) = beside.runs.tasks(scan)
        again = _kept(beside, row.content, spec) if row.content else None
        if again is None:
            raise (ReaderKilled if row.reason.startswith(KILLED) else SourceError)(row.reason)
        return again


def _session(beside: Library, residency: Residency, spec: Spec) -> InferenceSession | None:
    if not spec.model_stages:
        return None
    resolved = resolve_models(spec, lambda _note: None)
    return open_session(beside, residency, resolved, lambda _note: None, redo=False)


def _kept(library: Library, content: str, spec: Spec) -> _Kept | None:
    result = library.results.get(content, spec.hash())
    if result is None:
        return None
    return _Kept(result, library.annotations.of_result(content, spec.hash()))


def _difference(kept: _Kept, again: _Kept) -> str:
    for what in ("frames", "candidates", "moments"):
        if getattr(again.result, what) != getattr(kept.result, what):
            return f"different {what} than stored"
    others = {key_of(note): note for note in again.annotations}
    changed = Counter(
        note.stage
        for note in kept.annotations
        if key_of(note) not in others or not same(note, others[key_of(note)])
    )
    if not changed:
        return ""
    total = Counter(note.stage for note in kept.annotations)
    return "different answers: " + ", ".join(
        f"{count} of {total[stage]} in {stage}" for stage, count in changed.items()
    )
