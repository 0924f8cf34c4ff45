"""What became of a scan's sources: a row of the library, a count and events for each.

In this order: TaskStarted, then progress, warnings and the events found, then TaskFinished.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..protocol import messages as events
from ..records import Event, SourceInfo
from ..sources.locator import locate
from ..storage.runs import TaskRow
from ..stores.results import Result
from .plan import Source
from .stores import ScanStores

if TYPE_CHECKING:
    from .images import ImageResult

log = logging.getLogger("sightline.scan")
Emit = Callable[[events.Message], None]
FINISHED = ("done", "known", "failed")
_AT_ONCE = 1000
"""rows of one transaction"""


class TaskResults:
    """Takes down how sources ended. Any thread may call."""

    def __init__(
        self, library: ScanStores, scan: int, spec_hash: str, emit: Emit, *, logged: bool = True
    ) -> None:
        """`spec_hash` is that of the results which sources known already have."""
        self._logged = logged
        self._library = library
        self._scan = scan
        self._spec_hash = spec_hash
        self._emit = emit
        self._lock = threading.Lock()
        self._started: set[int] = set()
        """numbers of the sources whose start was announced and whose end was not"""
        self._counts = {"done": 0, "known": 0, "failed": 0, "moments": 0}

    def counts(self) -> dict[str, int]:
        """Return how many sources are done, known and failed, and how many moments they hold."""
        with self._lock:
            return dict(self._counts)

    def finished(self) -> int:
        """Return how many sources are done with, well or not."""
        counts = self.counts()
        return sum(counts[state] for state in FINISHED)

    def started(self, source: Source, frames: int | None) -> None:
        """Announce that work on a source begins; `frames` is how many it may have."""
        with self._lock:
            self._started.add(source.number)
        self._emit(events.TaskStarted(self._scan, source.number, source.found.path, frames))

    def video(
        self, source: Source, info: SourceInfo, result: Result, seconds: float, *, reused: bool
    ) -> None:
        """Take down a source that was read, with its moments and what was odd about it."""
        self._found(source, result)
        state = "failed" if result.failure else ("known" if reused else "done")
        row = self._row(
            source, info.content, state, result.failure, result.frames, len(result.moments), seconds
        )
        self._keep([row])

    def pictures(self, batch: list[tuple[Source, ImageResult]], seconds: float) -> None:
        """Take down a microbatch of pictures; those whose reader was killed are not remembered."""
        if not batch:
            return
        each = seconds / len(batch)
        rows, failures = [], []
        for source, picture in batch:
            rows.append(self._picture_row(source, picture, each))
            if self._is_lasting(source, picture):
                failures.append((*identity(source), picture.failure))
        self._library.results.remember_failures(failures)
        for source, picture in batch:
            self._ensure_started(source, 1)
            for event in picture.result.moments if picture.result else ():
                self._emit(self._event(source, event))
        frames = self.counts()["done"] + sum(row.state == "done" for row in rows)
        rate = 1 / max(each, 1e-9)
        self._keep(rows, events.BatchDone(self._scan, batch[-1][0].number, frames, rate))

    def failed(self, source: Source, reason: str, seconds: float, *, lasting: bool) -> None:
        """Take down a source that could not be read.

        With `lasting` it is remembered why, and the file is not read again while it is unchanged.
        """
        # One that is true of the stream that was asked for says nothing of the file.
        if lasting and source.stream is None:
            self._library.results.remember_failures([(*identity(source), reason)])
        self._ensure_started(source, None)
        self._keep([self._row(source, None, "failed", reason, 0, 0, seconds)])

    def settled(self, sources: Sequence[Source]) -> None:
        """Take down the sources nothing need be done for, with the events they are known to have.

        A part at a time: an app that attaches meanwhile waits for no hundred thousand rows.
        """
        for start in range(0, len(sources), _AT_ONCE):
            part = sources[start : start + _AT_ONCE]
            for source in part:
                self._known(source)
            self._keep([self._settled_row(source) for source in part])

    def _settled_row(self, source: Source) -> TaskRow:
        if source.result is None:
            reason = f"{source.failure} (failed before; --retry-failed retries it)"
            return self._row(source, None, "failed", reason, 0, 0, 0)
        frames, moments, failure = source.result
        state = "failed" if failure else "known"
        return self._row(source, source.content, state, failure, frames, moments, 0)

    def _known(self, source: Source) -> None:
        """Announce again what an earlier scan found in a source."""
        frames, moments, _ = source.result or (None, 0, "")
        self._ensure_started(source, frames)
        if source.content is None or (source.kind == "picture" and not moments):
            return
        result = self._library.results.get(source.content, self._spec_hash)
        if result is not None:
            self._found(source, result)

    def _found(self, source: Source, result: Result) -> None:
        self._ensure_started(source, result.frames)
        path = source.found.path
        for warning in result.warnings:
            self._emit(events.Warned(self._scan, f"{path}: {warning}"))
        for moment in result.moments:
            self._emit(self._event(source, moment))

    def _event(self, source: Source, moment: Event) -> events.EventFound:
        return events.EventFound(
            self._scan, source.number, source.found.path, moment.kind, moment.start_frame,
            moment.end_frame, moment.start_seconds, moment.peak_seconds, moment.end_seconds,
            moment.score, moment.peak_frame, source.stream, moment.energy,
            tuple(stroke.seconds for stroke in moment.strokes),
        )  # fmt: skip

    def _ensure_started(self, source: Source, frames: int | None) -> None:
        with self._lock:
            announced = source.number in self._started
        if not announced:
            self.started(source, frames)

    def _is_lasting(self, source: Source, picture: ImageResult) -> bool:
        return picture.info is None and not picture.killed and locate(source.found.path).exists()

    def _picture_row(self, source: Source, picture: ImageResult, seconds: float) -> TaskRow:
        if picture.result is None:
            content = picture.info.content if picture.info else None
            return self._row(source, content, "failed", picture.failure, 0, 0, seconds)
        assert picture.info is not None
        state, count = "failed" if picture.failure else "done", len(picture.result.moments)
        return self._row(source, picture.info.content, state, picture.failure, 1, count, seconds)

    def _keep(self, rows: Sequence[TaskRow], progress: events.BatchDone | None = None) -> None:
        """Keep how sources ended, then say so; `progress` is what is said in between."""
        self._library.runs.add_tasks(self._scan, rows)
        with self._lock:
            for row in rows:
                self._started.discard(row.number)
                self._counts[row.state] += 1
                self._counts["moments"] += row.moments
        if progress is not None:
            self._emit(progress)
        for row in rows:
            if row.state == "failed" and self._logged:
                log.warning("scan %d: %s failed: %s", self._scan, row.path, row.reason)
            self._emit(
                events.TaskFinished(
                    self._scan, row.number, row.path, row.state, row.reason,
                    row.frames, row.moments, row.seconds,
                )
            )  # fmt: skip

    def _row(
        self, source: Source, content: str | None, state: str, reason: str,
        frames: int, moments: int, seconds: float,
    ) -> TaskRow:  # fmt: skip
        return TaskRow(
            self._scan, source.number, source.found.path, source.kind, content, state, reason,
            frames, moments, round(seconds, 3), source.stream,
        )  # fmt: skip


def identity(source: Source) -> tuple[str, int, int]:
    """Return path, bytes and time of change: what shows that a file is still the one planned."""
    return source.found.path, *source.found.version


def has_changed(source: Source) -> bool:
    """Return whether a file is another than the one planned; one that is gone since is not."""
    try:
        return locate(source.found.path).version() != source.found.version
    except OSError:
        return False
