"""The same frames in batches of several sizes: how fast each is, and whether answers change.

Each size is a scan of its own in a library of its own, so that nothing is known beforehand; models
stay loaded from one to the next.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ..config.spec import Spec
from ..errors import NothingToScan, SourceError, UsageError
from ..models.residency import Residency
from ..protocol.views import Agreement, BatchLine
from ..scans.plan import Plan, Source, plan
from ..scans.resolve_models import ResolvedModels, open_session, resolve_models
from ..scans.scan_job import ScanJob
from ..storage.library import Library
from ..stores.answers import Annotation
from ..stores.results import Result
from ..text import clean
from .agreement import Key, key_of, same

AROUND_A_DIFFERENCE = 24
"""letters shown on either side of where two texts part"""
Notify = Callable[[str], None]
_Notes = dict[tuple[str, Key], Annotation]


@dataclass(frozen=True, slots=True)
class _Ran:
    """What one scan took, and said."""

    seconds: float
    frames: int
    notes: _Notes
    found: dict[str, Result]


def check_batches(
    spec: Spec, paths: Sequence[str], sizes: Sequence[int], rounds: int, most: int, notify: Notify
) -> Iterator[BatchLine]:
    """Yield a line for each size, compared with the first of them.

    With models, at most `most` pictures are taken, spread over all, and as many frames of each
    video; `rounds` times in turn, so that a machine that drifts drifts for all sizes. Raises
    NothingToScan, and whatever a scan raises.
    """
    resolved = resolve_models(spec, notify) if spec.model_stages else ResolvedModels(spec, {})
    planned = plan(None, spec, paths, (), "default")
    if planned.missing:
        raise UsageError(f"{clean(planned.missing[0].path)}: {planned.missing[0].reason}")
    sources = _some(planned, most) if spec.model_stages else list(planned.sources)
    if not sources:
        raise NothingToScan("nothing to look at there: no video or picture")
    with tempfile.TemporaryDirectory(prefix="sightline-batches-") as folder:
        ran = _all(Path(folder), _limited(resolved, most), sources, sizes, rounds, notify)
    alone = ran[sizes[0]]
    for size in sizes:
        yield _line(size, ran[size], alone)


def _all(
    folder: Path, resolved: ResolvedModels, sources: list[Source], sizes: Sequence[int],
    rounds: int, notify: Notify,
) -> dict[int, list[_Ran]]:  # fmt: skip
    ran: dict[int, list[_Ran]] = {size: [] for size in sizes}
    with closing(Library(folder / "models")) as kept:
        residency = Residency(kept.footprints)
        try:
            # The first call of everything costs more.
            _once(folder / "first", residency, _sized(resolved, sizes[-1]), sources[:1], notify)
            for turn in range(rounds):
                for size in sizes:
                    place = folder / f"{turn}-{size}"
                    sized = _sized(resolved, size)
                    ran[size].append(_once(place, residency, sized, sources, lambda _note: None))
        finally:
            residency.close()
    return ran


def _once(
    folder: Path,
    residency: Residency,
    resolved: ResolvedModels,
    sources: list[Source],
    notify: Notify,
) -> _Ran:
    spec = resolved.spec
    with closing(Library(folder)) as library:
        session = (
            open_session(library, residency, resolved, notify, redo=False)
            if spec.model_stages
            else None
        )
        settings = spec.model_dump(mode="json")
        scan = library.runs.create(spec.profile, settings, spec.hash(), {}, [])
        job = ScanJob(
            library, scan, spec.profile, spec, lambda _e: None, redo=False, session=session
        )
        if session is not None:
            session.cancelled = lambda: job.control.cancelled
        began = time.perf_counter()
        job.run(sources)
        seconds = time.perf_counter() - began
        return _read(library, scan, spec, seconds)


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
    spec = resolved.spec
    changed: dict[str, Any] = {
        name: getattr(spec, name).model_copy(update={"batch_size": size}) for name in batched(spec)
    }
    return ResolvedModels(spec.model_copy(update=changed), resolved.loadings, resolved.prompts)


def _line(size: int, ran: list[_Ran], alone: list[_Ran]) -> BatchLine:
    seconds = median(each.seconds for each in ran)
    peaks = [n.body.get("facts", {}).get("peak_bytes") or 0 for n in ran[-1].notes.values()]
    return BatchLine(
        batch=size,
        frames=ran[0].frames,
        frames_per_second=ran[0].frames / seconds,
        speed=median(each.seconds for each in alone) / seconds,
        peak_bytes=max(peaks, default=0) or None,
        stages=tuple(_agreements(ran[-1], alone[-1])),
    )


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
        return f"frame {(one or other).frame}: there in one, not in the other"  # type: ignore[union-attr]
    texts = one.body.get("text"), other.body.get("text")
    if not all(isinstance(text, str) for text in texts):
        return f"frame {one.frame}: other numbers"
    first, second = str(texts[0]), str(texts[1])
    at = next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)),
    )
    start, end = max(0, at - AROUND_A_DIFFERENCE), at + AROUND_A_DIFFERENCE
    return f"frame {one.frame}: '{clean(first[start:end])}' became '{clean(second[start:end])}'"
