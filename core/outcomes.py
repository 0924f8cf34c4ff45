"""What became of a scan's sources: a row of the library, a count and an event for each."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence

from . import events
from .plan import Source
from .records import SourceInfo
from .stages.pictures import PictureDone
from .storage.library import Library
from .storage.results import Result
from .storage.runs import TaskRow

log = logging.getLogger("sightline.scan")
Emit = Callable[[events.Event], None]
FINISHED = ("done", "known", "failed")


class Outcomes:
    """Takes down how sources ended. Any thread may call."""

    def __init__(self, library: Library, scan: int, emit: Emit) -> None:
        self._library = library
        self._scan = scan
        self._emit = emit
        self._lock = threading.Lock()
        self._counts = {"done": 0, "known": 0, "failed": 0, "moments": 0}

    def counts(self) -> dict[str, int]:
        """Return how many sources are done, known and failed, and how many moments they hold."""
        with self._lock:
            return dict(self._counts)

    def finished(self) -> int:
        """Return how many sources are done with, well or not."""
        counts = self.counts()
        return sum(counts[state] for state in FINISHED)

    def video(
        self, source: Source, info: SourceInfo, result: Result, seconds: float, *, reused: bool
    ) -> None:
        """Take down a source that was read, with its moments and what was odd about it."""
        path = source.found.path
        for warning in result.warnings:
            self._emit(events.Warned(self._scan, f"{path}: {warning}"))
        for moment in result.moments:
            self._emit(
                events.MomentFound(
                    self._scan, source.number, path, moment.kind, moment.start_frame,
                    moment.end_frame, moment.start_seconds,
                    moment.peak_seconds, moment.end_seconds, moment.score, source.stream,
                )
            )  # fmt: skip
        state = "failed" if result.failure else ("known" if reused else "done")
        row = self._row(
            source, info.content, state, result.failure, result.frames, len(result.moments), seconds
        )
        self._keep([row])

    def pictures(self, batch: list[tuple[Source, PictureDone]], seconds: float) -> None:
        """Take down a microbatch of pictures."""
        if not batch:
            return
        each = seconds / len(batch)
        rows, failures = [], []
        for source, picture in batch:
            rows.append(self._picture_row(source, picture, each))
            if picture.info is None and os.path.exists(source.found.path):
                failures.append((*identity(source), picture.failure))
        self._library.results.remember_failures(failures)
        self._keep(rows)
        frames = self.counts()["done"]
        self._emit(events.BatchDone(self._scan, batch[-1][0].number, frames, 1 / max(each, 1e-9)))

    def failed(self, source: Source, reason: str, seconds: float, *, vanished: bool) -> None:
        """Take down a source that could not be read."""
        # One that is true of the stream that was asked for says nothing of the file.
        if not vanished and source.stream is None:
            self._library.results.remember_failures([(*identity(source), reason)])
        self._keep([self._row(source, None, "failed", reason, 0, 0, seconds)])

    def settled(self, sources: Sequence[Source]) -> None:
        """Take down the sources nothing need be done for."""
        rows = []
        for source in sources:
            if source.result is not None:
                frames, moments, failure = source.result
                state = "failed" if failure else "known"
                rows.append(self._row(source, source.content, state, failure, frames, moments, 0))
            else:
                reason = f"{source.failure} (as last time; --retry-failed reads it again)"
                rows.append(self._row(source, None, "failed", reason, 0, 0, 0))
        self._keep(rows)

    def _picture_row(self, source: Source, picture: PictureDone, seconds: float) -> TaskRow:
        if picture.result is None:
            content = picture.info.content if picture.info else None
            return self._row(source, content, "failed", picture.failure, 0, 0, seconds)
        assert picture.info is not None
        state = "failed" if picture.failure else "done"
        return self._row(source, picture.info.content, state, picture.failure, 1, 0, seconds)

    def _keep(self, rows: Sequence[TaskRow]) -> None:
        self._library.runs.add_tasks(self._scan, rows)
        with self._lock:
            for row in rows:
                self._counts[row.state] += 1
                self._counts["moments"] += row.moments
        for row in rows:
            if row.state == "failed":
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
            frames, moments, round(seconds, 3),
        )  # fmt: skip


def identity(source: Source) -> tuple[str, int, int]:
    """Return path, bytes and time of change: what tells that a file is still the one planned."""
    return source.found.path, source.found.size_bytes, source.found.mtime_ns
