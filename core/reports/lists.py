"""Scans and their sources, as lists."""

from __future__ import annotations

from ..protocol.views import ScanLine, TaskView
from ..storage.library import Library
from ..storage.lock import is_held
from ..storage.runs import OPEN, UNFINISHED


def scan_lines(library: Library) -> list[ScanLine]:
    """Return every scan, the newest first."""
    lines = []
    running = is_held(library.folder)
    for row in library.runs.all():
        counts = library.runs.counts(row.id)
        left = sum(counts.get(state, 0) for state in UNFINISHED)
        done = counts.get("done", 0) + counts.get("known", 0)
        failed = counts.get("failed", 0)
        lines.append(
            ScanLine(
                row.id, row.created, row.profile, _state(row.state, left, running=running),
                left + done + failed, done, failed,
                left, counts["moments"], tuple(row.asked["paths"]),
            )
        )  # fmt: skip
    return lines


def _state(kept: str, left: int, *, running: bool) -> str:
    # What an engine was doing when it was killed is still written down as running; the next engine
    # settles it (`Runs.settle`).
    if running or kept not in OPEN:
        return kept
    return "interrupted" if left else "done"


def newest(library: Library) -> int | None:
    """Return the scan that was begun last."""
    return next((row.id for row in library.runs.all()), None)


def task_views(library: Library, scan: int) -> list[TaskView]:
    """Return the sources of a scan in order. Raises UnknownName."""
    library.runs.get(scan)
    return [
        TaskView(t.number, t.path, t.kind, t.state, t.reason, t.frames, t.moments, t.seconds)
        for t in library.runs.tasks(scan)
    ]
