"""Jobs, scans and their sources, as lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

from ..config.profiles import resolve
from ..engine.job_registry import KINDS
from ..engine.jobs.titles import title_of
from ..errors import SightlineError, UnknownName
from ..protocol.views import JobLine, ScanLine, TaskView
from ..storage.jobs import OPEN, SCAN, JobRow
from ..storage.library import Library
from ..storage.lock import is_held
from ..storage.runs import UNFINISHED, ScanRow
from ..text import clean, nearest


def scan_lines(library: Library) -> list[ScanLine]:
    """Return every scan, the newest first."""
    lines = []
    running = is_held(library.folder)
    of_profile = cache(_stages_of)
    for row in library.runs.all():
        counts = library.runs.counts(row.id)
        left = sum(counts.get(state, 0) for state in UNFINISHED)
        done = counts.get("done", 0) + counts.get("known", 0)
        failed = counts.get("failed", 0)
        lines.append(
            ScanLine(
                row.id, row.created, row.profile, state_of(row.state, left, running=running),
                left + done + failed, done, failed,
                left, counts["moments"], tuple(row.asked["paths"]),
                _other_stages(row, of_profile),
            )
        )  # fmt: skip
    return lines


def _other_stages(row: ScanRow, of_profile: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """Return the stages of a scan where they are not those of the profile it was begun with."""
    stages = tuple(row.spec.get("stages", ()))
    return stages if sorted(stages) != sorted(of_profile(row.profile) or stages) else ()


def _stages_of(profile: str) -> tuple[str, ...]:
    """Return the stages of a profile as it is now; none if it is not there any more."""
    with suppress(SightlineError):
        return resolve(profile).stages
    return ()


def job_lines(library: Library, kind: str = "") -> list[JobLine]:
    """Return every job, or every one of a kind, the newest first.

    Raises UnknownName for a kind that neither this version nor the library knows.
    """
    rows, known = library.jobs.all(kind), KINDS.names()
    if kind and not rows and kind not in known:
        raise UnknownName(
            f"no kind of job {clean(kind, limit=40)!r}{nearest(kind, list(known))}; "
            f"known: {', '.join(known)}"
        )
    return list(_job_lines(library, rows))


def other_job_lines(library: Library) -> list[JobLine]:
    """Return the jobs of other kinds than scans, the newest first."""
    return list(_job_lines(library, library.jobs.others()))


def job_line(library: Library, number: int) -> JobLine:
    """Return one job. Raises UnknownName."""
    (line,) = _job_lines(library, [library.jobs.get(number)])
    return line


def _job_lines(library: Library, rows: list[JobRow]) -> Iterator[JobLine]:
    running = is_held(library.folder)
    for row in rows:
        title, done, total, left = _scan_progress(library, row)
        if row.kind != SCAN:
            title, done, total = row.title, _done(library, row), row.total
            left = 1
        state = state_of(row.state, left, running=running)
        known = row.kind in KINDS.names()
        standing = known and row.kind != SCAN and KINDS.load(row.kind).standing
        yield JobLine(
            row.number, row.kind, title, row.created, state, done, total, row.reason, known,
            standing,
        )  # fmt: skip


def _scan_progress(library: Library, row: JobRow) -> tuple[str, int, int, int]:
    """Return title, finished, all and open sources of a scan; nothing of another kind."""
    if row.kind != SCAN:
        return "", 0, 0, 0
    counts = library.runs.counts(row.number)
    left = sum(counts.get(state, 0) for state in UNFINISHED)
    done = sum(counts.get(state, 0) for state in ("done", "known", "failed"))
    return title_of(row.profile, row.asked.get("paths", ())), done, left + done, left


def _done(library: Library, row: JobRow) -> int:
    """Return how many units of work are finished; a download that ended has all its bytes."""
    return row.total if row.state == "done" else min(library.jobs.count(row.number), row.total)


def state_of(kept: str, left: int, *, running: bool) -> str:
    """Return the state of a job as one reads it, whether or not an engine has settled it."""
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
