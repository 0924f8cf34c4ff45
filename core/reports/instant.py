"""Everything kept about one instant of a source, and its picture."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..errors import SourceError, UnknownName, UsageError
from ..records import SourceInfo
from ..sources.reader import Reader, again_if_killed
from ..spec import Spec
from ..stages.table import create
from ..storage.export.shapes import look
from ..storage.library import Library
from ..storage.results import Result
from ..text import clean_path
from ..views import MomentView
from .lists import spec_of
from .looks import frame_notes, verdicts


def instant(library: Library, path: str, seconds: float) -> MomentView:
    """Return everything kept about one instant. Raises UnknownName or UsageError."""
    absolute = os.path.abspath(os.path.expanduser(path))
    scan, result = _latest(library, absolute)
    info = library.results.info(result.content, absolute)
    spec = spec_of(library, scan)
    if info.duration_seconds is not None and seconds > info.duration_seconds + 1.0:
        raise UsageError(
            f"{clean_path(absolute)} lasts {info.duration_seconds:g} s; "
            f"there is nothing at {seconds:g} s"
        )
    around = max(0.05, 1.0 / (info.frame_rate or 25.0))
    measurements, frame, frame_seconds = _measurements(library, result, seconds)
    said = library.annotations.of_result(result.content, result.spec_hash)
    notes = frame_notes(said, tracks=False)
    nearest = min(notes, key=lambda each: abs(each.seconds - seconds), default=None)
    if nearest is not None and not result.tracks:
        frame, frame_seconds = nearest.frame, nearest.seconds
    return MomentView(
        info=info,
        profile=library.runs.get(scan).profile,
        scan=scan,
        seconds=seconds,
        frame=frame,
        frame_seconds=frame_seconds,
        moments=tuple(
            m for m in result.moments
            if m.start_seconds - around <= seconds <= m.end_seconds + around
        ),
        candidates=tuple(
            c for c in result.candidates
            if c.start_seconds - around <= seconds <= c.end_seconds + around
        ),
        measurements={name: measurements[name] for name in spec.stages if name in measurements},
        provenance=result.provenance,
        look=look(nearest) if nearest else None,
        verdicts=tuple(
            each for each in verdicts(said) if abs(each["seconds"] - seconds) <= around
        ),
        warnings=result.warnings,
    )  # fmt: skip


def still(info: SourceInfo, seconds: float, longest_side: int, spec: Spec) -> bytes:
    """Return a JPEG of one instant, read from the file itself. Raises SourceError."""
    reader = Reader(spec.limits)
    try:
        with _naming(info.path):
            return again_if_killed(
                lambda: next(iter(reader.stills(info, [seconds], longest_side))).jpeg
            )
    except StopIteration as error:
        raise SourceError(f"{clean_path(info.path)}: no frame at {seconds:g} s") from error
    finally:
        reader.close()


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Say which source an error is about: here several are read for one command."""
    try:
        yield
    except SourceError as error:
        raise type(error)(f"{clean_path(path)}: {error}") from error


def _latest(library: Library, path: str) -> tuple[int, Result]:
    for scan, spec_hash, content in library.runs.latest_of(path):
        result = library.results.get(content, spec_hash)
        if result is not None:
            return scan, result
    raise UnknownName(
        f"{clean_path(path)} was never scanned into this library; run: sightline scan FILE"
    )


def _measurements(
    library: Library, result: Result, seconds: float
) -> tuple[dict[str, dict[str, float]], int, float]:
    found: dict[str, dict[str, float]] = {}
    frame, frame_seconds = 0, 0.0
    for name, key in result.tracks.items():
        columns = create(name).columns
        track = library.results.whole_track(key, len(columns))
        if not len(track.indices):
            continue
        row = int(np.searchsorted(track.pts_seconds, seconds + 1e-6, side="right")) - 1
        row = max(row, 0)
        frame, frame_seconds = int(track.indices[row]), float(track.pts_seconds[row])
        values = {c: float(v) for c, v in zip(columns, track.values[row], strict=True)}
        found[name] = {column: value for column, value in values.items() if not math.isnan(value)}
    return found, frame, frame_seconds
