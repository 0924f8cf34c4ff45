"""The same frames in batches of several sizes: how fast each is, and whether answers change.

Each size is a scan of its own in a library of its own, so that nothing is known beforehand; models
stay loaded from one to the next. One such scan is a unit of work: its row holds the figures, and
all rows together make the lines. The answers of the last scan with the first size are what the
others are compared with; that library is kept until all are.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from ..config.spec import Spec
from ..errors import NothingToScan, SourceError, UsageError
from ..models.protocols import Model
from ..models.residency import Residency
from ..pipeline.channel import Control
from ..protocol.views import Agreement, BatchLine
from ..scans.plan import Plan, Source, plan
from ..scans.resolve_models import ResolvedModels, open_session
from ..scans.scan_job import ScanJob
from ..scans.task_results import identity
from ..storage.library import Library
from ..stores.answers import Annotation
from ..stores.results import Result
from ..text import clean
from .agreement import Key, key_of, same

AROUND_A_DIFFERENCE = 24
"""letters shown on either side of where two texts part"""
AS_IN_PROFILE = 0
"""the size that leaves those of the profile as they are"""
REFERENCE = "reference"
"""the library that is kept: what the others are compared with"""
Notify = Callable[[str], None]
Calls = Sequence[tuple[Model, Callable[[], Any]]]
_Notes = dict[tuple[str, Key], Annotation]


@dataclass(frozen=True, slots=True)
class _Ran:
    """What one scan took, and said."""

    seconds: float
    frames: int
    notes: _Notes
    found: dict[str, Result]
    bare_seconds: float | None = None
    """what the models took alone, given the same inputs"""


@dataclass(frozen=True, slots=True)
class Unit:
    """One scan: which round it belongs to, and the size of its batches."""

    number: int
    round: int
    size: int


def sources_of(spec: Spec, paths: Sequence[str], most: int) -> list[Source]:
    """Return what is scanned: with models, at most `most` images, spread over all.

    Raises UsageError for a path that is not there, NothingToScan.
    """
    planned = plan(None, spec, paths, (), "default")
    if planned.missing:
        raise UsageError(f"{clean(planned.missing[0].path)}: {planned.missing[0].reason}")
    sources = _some(planned, most) if spec.model_stages else list(planned.sources)
    if not sources:
        raise NothingToScan("nothing to check: no video or picture found")
    return sources


def digest_of(sources: Sequence[Source]) -> str:
    """Return what changes with any of the files: their paths, sizes and times of change."""
    text = repr([(*identity(source), source.stream) for source in sources])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


class BatchComparison:
    """The units of one comparison, in order; a unit that is measured again gives a new row."""

    def __init__(
        self, folder: Path, residency: Residency, resolved: ResolvedModels, sources: list[Source],
        sizes: Sequence[int], rounds: int, most: int, notify: Notify, control: Control,
    ) -> None:  # fmt: skip
        """`folder` is where libraries of single scans are made; each goes once it was read."""
        self._folder = folder
        self._residency = residency
        self._resolved = _limited(resolved, most)
        self._sources = sources
        self._sizes = sizes
        self._rounds = rounds
        self._notify = notify
        self._control = control
        self._alone: _Ran | None = None

    @property
    def units(self) -> list[Unit]:
        """Return every scan in the order it is made: all sizes in turn, as often as asked."""
        count = len(self._sizes)
        return [
            Unit(row * count + place, row, size)
            for row in range(self._rounds)
            for place, size in enumerate(self._sizes)
        ]

    @property
    def reference(self) -> Unit:
        """Return the unit that others are compared with: the last one of the first size."""
        return self.units[-len(self._sizes)]

    def warm_up(self) -> None:
        """Scan one source: the first call of everything costs more."""
        folder = self._folder / "first"
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        self._once(folder, self._sizes[-1], self._sources[:1], self._notify)
        shutil.rmtree(folder, ignore_errors=True)

    def recall(self) -> bool:
        """Read the reference that an earlier process kept; return whether it is there."""
        folder = self._folder / REFERENCE
        if not (folder / "whole").is_file():
            return False
        with closing(Library(folder)) as library:
            self._alone = _read(library, 1, self._spec(self._sizes[0]), 0.0)
        return True

    def measure(self, unit: Unit) -> dict[str, Any]:
        """Make one scan and return its row."""
        is_reference = unit == self.reference
        folder = self._folder / (REFERENCE if is_reference else f"{unit.round}-{unit.size}")
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        ran = self._once(folder, unit.size, self._sources, lambda _note: None)
        if is_reference:
            self._alone = ran
            (folder / "whole").touch()
        else:
            shutil.rmtree(folder, ignore_errors=True)
        peaks = [n.body.get("facts", {}).get("peak_bytes") or 0 for n in ran.notes.values()]
        compared = _agreements(ran, self._alone) if self._alone is not None else ()
        return {
            "round": unit.round, "batch": unit.size, "seconds": ran.seconds, "frames": ran.frames,
            "peak_bytes": max(peaks, default=0) or None, "stages": [asdict(a) for a in compared],
            "bare_seconds": ran.bare_seconds,
        }  # fmt: skip

    def _spec(self, size: int) -> Spec:
        return _sized(self._resolved, size).spec

    def _once(self, folder: Path, size: int, sources: list[Source], notify: Notify) -> _Ran:
        resolved = _sized(self._resolved, size)
        spec = resolved.spec
        with closing(Library(folder)) as library:
            session = (
                open_session(library, self._residency, resolved, notify, redo=False)
                if spec.model_stages
                else None
            )
            settings = spec.model_dump(mode="json")
            scan = library.runs.create(spec.profile, settings, spec.hash(), {}, [])
            job = ScanJob(
                library, scan, spec.profile, spec, lambda _e: None, redo=False, session=session,
                parent=self._control, logged=False,
            )  # fmt: skip
            calls = []
            if session is not None:
                session.cancelled = lambda: job.control.cancelled
                calls = session.record_calls()
            began = time.perf_counter()
            job.run(sources)
            seconds = time.perf_counter() - began
            bare_seconds = _repeated(calls, self._residency)
            return replace(_read(library, scan, spec, seconds), bare_seconds=bare_seconds)


def _repeated(calls: Calls, residency: Residency) -> float | None:
    """Make the calls of models once more, one after another; return the seconds they took.

    None where that says nothing: no call, calls of a server, which answers several at once, or of
    a model that is not in memory any more.
    """
    models = {id(model): model for model, _ in calls}.values()
    if not calls or any(each.device == "endpoint" or not residency.holds(each) for each in models):
        return None
    began = time.perf_counter()
    for model, work in calls:
        residency.run(model, work)
    return time.perf_counter() - began


def lines(rows: Mapping[int, Mapping[str, Any]], sizes: Sequence[int]) -> list[BatchLine]:
    """Return a line for each size, compared with the first of them, from the rows of all units."""
    ran = {
        size: [rows[number] for number in sorted(rows) if rows[number]["batch"] == size]
        for size in sizes
    }
    return [_line(size, ran[size], ran[sizes[0]]) for size in sizes]


def _read(library: Library, scan: int, spec: Spec, seconds: float) -> _Ran:
    notes: _Notes = {}
    found: dict[str, Result] = {}
    frames = 0
    for task in library.runs.tasks(scan):
        if task.state == "failed" or task.content is None:
            raise SourceError(f"{clean(str(task.path))}: {task.reason}")
        result = library.results.get(task.content, spec.hash())
        if result is not None:
            found[task.content] = result
        said = library.annotations.of_result(task.content, spec.hash())
        notes |= {(task.content, key_of(note)): note for note in said}
        frames += len({note.frame for note in said}) if spec.model_stages else task.frames
    return _Ran(seconds, frames, notes, found)


def _some(planned: Plan, most: int) -> list[Source]:
    pictures = [source for source in planned.sources if source.kind == "picture"]
    count = min(most, len(pictures))
    taken = {pictures[row * len(pictures) // count] for row in range(count)}
    return [source for source in planned.sources if source.kind != "picture" or source in taken]


def _limited(resolved: ResolvedModels, most: int) -> ResolvedModels:
    spec = resolved.spec
    if not spec.model_stages:
        return resolved
    few = min(most, spec.sampling.max_frames or most)
    sampling = spec.sampling.model_copy(update={"max_frames": few})
    return ResolvedModels(
        spec.model_copy(update={"sampling": sampling}), resolved.loadings, resolved.prompts
    )


def batched(spec: Spec) -> tuple[str, ...]:
    """Return the sections of a spec whose batch size is compared."""
    return ("models", "vlm") if spec.model_stages else ("run",)


def _sized(resolved: ResolvedModels, size: int) -> ResolvedModels:
    """Return the same with batches of one size, in whatever is done in batches."""
    if size == AS_IN_PROFILE:
        return resolved
    spec = resolved.spec
    changed: dict[str, Any] = {
        name: getattr(spec, name).model_copy(update={"batch_size": size}) for name in batched(spec)
    }
    return ResolvedModels(spec.model_copy(update=changed), resolved.loadings, resolved.prompts)


def _line(
    size: int, ran: Sequence[Mapping[str, Any]], alone: Sequence[Mapping[str, Any]]
) -> BatchLine:
    seconds = median(float(row["seconds"]) for row in ran)
    return BatchLine(
        batch=size,
        frames=int(ran[0]["frames"]),
        frames_per_second=int(ran[0]["frames"]) / seconds,
        speed=median(float(row["seconds"]) for row in alone) / seconds,
        peak_bytes=ran[-1]["peak_bytes"],
        stages=tuple(Agreement(**stage) for stage in ran[-1]["stages"]),
        share=_share(ran),
    )


def _share(ran: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the median share of the models' own speed; each round is compared with itself."""
    bare = [row.get("bare_seconds") for row in ran]  # absent in rows of an earlier version
    if None in bare:
        return None
    return median(float(b) / float(row["seconds"]) for b, row in zip(bare, ran, strict=True))  # type: ignore[arg-type]


def _agreements(ran: _Ran, alone: _Ran) -> Iterator[Agreement]:
    if not alone.notes:
        yield _measured(ran, alone)
    for stage in dict.fromkeys(note.stage for note in alone.notes.values()):
        yield _said(
            stage,
            {key: note for key, note in ran.notes.items() if note.stage == stage},
            {key: note for key, note in alone.notes.items() if note.stage == stage},
        )


def _measured(ran: _Ran, alone: _Ran) -> Agreement:
    """Compare what stages without a model found; that is the same to the bit, or it is a defect."""
    kept = {content: (found.candidates, found.moments) for content, found in ran.found.items()}
    equal = [
        content for content, found in alone.found.items()
        if kept.get(content) == (found.candidates, found.moments)
    ]  # fmt: skip
    return Agreement("sources", len(alone.found), len(equal))


def _said(stage: str, ran: _Notes, alone: _Notes) -> Agreement:
    keys = list(alone | ran)
    equal = [key for key in keys if key in ran and key in alone and same(alone[key], ran[key])]
    cosines = [
        float(alone[key].vector @ ran[key].vector)  # type: ignore[operator]
        for key in equal
        if alone[key].vector is not None
    ]
    parted = next((key for key in keys if key not in set(equal)), None)
    return Agreement(
        stage, len(keys), len(equal), min(cosines, default=None),
        _difference(alone.get(parted), ran.get(parted)) if parted else "",
    )  # fmt: skip


def _difference(one: Annotation | None, other: Annotation | None) -> str:
    """Say where two answers to the same question part."""
    if one is None or other is None:
        return f"frame {(one or other).frame}: present in only one of the two"  # type: ignore[union-attr]
    texts = one.body.get("text"), other.body.get("text")
    if not all(isinstance(text, str) for text in texts):
        return f"frame {one.frame}: different numbers"
    first, second = str(texts[0]), str(texts[1])
    at = next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)),
    )
    start, end = max(0, at - AROUND_A_DIFFERENCE), at + AROUND_A_DIFFERENCE
    return f"frame {one.frame}: '{clean(first[start:end])}' became '{clean(second[start:end])}'"
