"""Measuring a scan's sources again, beside the library, and comparing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import SourceError
from ..pipeline.channel import Control
from ..sources.content import content_hash
from ..sources.find import Found
from ..sources.reader import Reader, ReaderPool
from ..spec import Spec
from ..stages.judgement import decide, judge
from ..stages.measure import measure_video, open_tracks
from ..stages.pictures import scan_one
from ..storage.library import Library
from ..storage.results import Result
from ..storage.runs import TaskRow
from ..views import Verified
from .lists import spec_of


def verify(library: Library, scan: int) -> Iterator[Verified]:
    """Measure every source of a scan again, beside the library, and compare."""
    spec = spec_of(library, scan)
    spec_hash = library.runs.get(scan).spec_hash
    with tempfile.TemporaryDirectory(prefix="sightline-verify-") as folder:
        beside = Library(Path(folder))
        try:
            for task in library.runs.tasks(scan):
                kept = library.results.get(task.content, spec_hash) if task.content else None
                if kept is None:
                    yield Verified(task.path, "skipped", task.reason or f"task is {task.state}")
                else:
                    yield _verified(beside, task, spec, kept)
        finally:
            beside.close()


def _verified(beside: Library, task: TaskRow, spec: Spec, kept: Result) -> Verified:
    try:
        if content_hash(task.path) != kept.content:
            return Verified(task.path, "changed", "the file is not the one that was scanned")
        again = _measured_again(beside, task, spec)
    except FileNotFoundError:
        return Verified(task.path, "skipped", "the file is gone")
    except (SourceError, OSError) as error:
        return Verified(task.path, "changed", f"cannot be read any more ({error})")
    for what in ("frames", "candidates", "moments"):
        if getattr(again, what) != getattr(kept, what):
            return Verified(task.path, "changed", f"other {what} than kept")
    return Verified(task.path, "same")


def _measured_again(beside: Library, task: TaskRow, spec: Spec) -> Result:

    if task.kind == "picture":
        status = os.stat(task.path)
        found = Found(task.path, status.st_size, status.st_mtime_ns, (0, 0))
        pool = ReaderPool(1, spec.limits)
        done = scan_one(beside.results, pool, found, spec)
        pool.close()
        if done.result is None:
            raise SourceError(done.failure)
        return done.result
    reader = Reader(spec.limits, threads=0)
    try:
        info = reader.probe(task.path).info
        beside.results.remember([(info, 0)])
        tracks = open_tracks(beside.results, info, spec)
        ended = measure_video(
            beside.results, reader, info, spec, tracks, Control(), lambda _done, _steps: None
        )
        return judge(info, spec, tracks, decide(beside.results, tracks), ended)
    finally:
        reader.close()
