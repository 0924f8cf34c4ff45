"""One scan at work: its sources one after another, or several side by side, in threads."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import events
from .errors import MissingExtra, SourceError, Unreadable, Vanished
from .in_hand import Running
from .pipeline.channel import Cancelled, Control
from .pipeline.runner import StepReport
from .plan import Source, work_items
from .records import SourceInfo
from .sources.pools import picture_readers, video_readers
from .sources.process import ReaderProcess
from .sources.reader import Reader
from .spec import Spec
from .stages.eyes import Eyes
from .stages.judgement import UNANSWERED, decide, judge
from .stages.measure import Progress, StageTrack, measure_video, open_tracks, settle_tracks
from .stages.pictures import PictureDone, PictureScan, Wanted
from .stages.thumbnails import make_missing
from .state import ScanState
from .storage.library import Library
from .storage.results import Result
from .storage.runs import TaskRow

log = logging.getLogger("sightline.scan")
Emit = Callable[[events.Event], None]
_FINISHED = ("done", "known", "failed")


class ScanJob:
    """Runs the sources of one scan that need work; `run` blocks until it ends."""

    def __init__(
        self,
        library: Library,
        scan: int,
        profile: str,
        spec: Spec,
        emit: Emit,
        *,
        redo: bool,
        eyes: Eyes | None = None,
        nice: int = 0,
        reader: ReaderProcess | None = None,
    ) -> None:
        """`nice` is how readers stand back for others; `reader` is one that runs already."""
        self.scan = scan
        self._redo = redo
        self._eyes = eyes
        self.control = Control()
        self._library = library
        self._profile = profile
        self._spec = spec
        self._emit = emit
        self._lock = threading.Lock()
        self._running: dict[int, Running] = {}
        self._counts = {"done": 0, "known": 0, "failed": 0, "moments": 0}
        self._sources = 0
        self._fault: BaseException | None = None
        self._ending = False
        self._pool = video_readers(spec, nice, reader)
        self._picture_pool = picture_readers(spec, nice, beside_model=eyes is not None)

    def run(self, sources: Sequence[Source]) -> None:
        """Work through the sources. Raises EnvironmentFault or Cancelled; what is done is kept."""
        self._sources = len(sources)
        to_read = [s for s in sources if s.result is None and not s.failure]
        self._settle([s for s in sources if s.result is not None or s.failure])
        self._emit(
            events.ScanStarted(self.scan, self._profile, len(sources), len(sources) - len(to_read))
        )
        items = work_items(to_read)
        lock = threading.Lock()
        workers = [
            threading.Thread(target=self._work, args=(items, lock), name=f"sightline-task-{n}")
            for n in range(min(self._pool.size, max(len(to_read), 1)))
        ]
        try:
            self.control.checkpoint()
            if self._eyes is not None and to_read:
                self._eyes.open()
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        except BaseException:  # an interrupt: let nothing go on behind whoever runs this
            self.control.cancel()
            raise
        finally:
            self._pool.close()
            self._picture_pool.close()
            for worker in workers:
                if worker.ident is not None:
                    worker.join()
            if self._eyes is not None:
                self._eyes.close()
        if self._fault is not None:
            raise self._fault
        if self._ending and sum(self._counts[s] for s in _FINISHED) < self._sources:
            raise Cancelled

    def state(self, state: str) -> ScanState:
        """Return how the scan stands now."""
        with self._lock:
            tasks = tuple(running.state() for running in self._running.values())
            counts = dict(self._counts)
        finished = sum(counts[state] for state in _FINISHED)
        return ScanState(
            self.scan, self._profile, state, self._sources, finished,
            counts["failed"], counts["moments"], tasks,
        )  # fmt: skip

    def end_after_source(self) -> None:
        """Take up no further source; the scan ends as an interrupted one."""
        self._ending = True

    def counts(self) -> dict[str, int]:
        """Return how many sources are done, known and failed, and how many moments they hold."""
        with self._lock:
            return dict(self._counts)

    def _work(self, items: Iterator[list[Source]], lock: threading.Lock) -> None:
        try:
            while True:
                self.control.checkpoint()
                with lock:
                    item = next(items, None)
                if item is None or self._ending:
                    return
                self._one(item)
        except BaseException as fault:  # the first fault ends the scan and reaches the caller
            if self._fault is None or isinstance(self._fault, Cancelled):
                self._fault = fault
            self.control.cancel()

    def _one(self, item: list[Source]) -> None:
        if item[0].kind == "picture":
            self._pictures(item)
            return
        source = item[0]
        began = time.monotonic()
        try:
            info, result, reused = self._video(source)
        except (SourceError, MissingExtra) as error:
            self._failed(source, str(error), time.monotonic() - began, isinstance(error, Vanished))
            return
        finally:
            with self._lock:
                self._running.pop(source.number, None)
        self._finished(source, info, result, time.monotonic() - began, reused=reused)

    def _video(self, source: Source) -> tuple[SourceInfo, Result, bool]:
        """Return what a source is, its result, and whether that was there already."""
        with self._pool.lend() as reader:
            info = self._info(source, reader)
            known = self._library.results.get(info.content, self._spec.hash())
            if known is not None and source.content is None and self._reusable(known):
                return info, known, True
            if info.kind == "picture":
                return info, self._lone_picture(source), False
            return info, self._measured(source, info, reader), False

    def _info(self, source: Source, reader: Reader) -> SourceInfo:
        if source.content is not None:
            return self._library.results.info(source.content, source.found.path)
        info = reader.probe(source.found.path).info
        self._library.results.remember([(info, source.found.mtime_ns)])
        return info

    def _reusable(self, result: Result) -> bool:
        return not result.failure and not self._redo

    def _measured(self, source: Source, info: SourceInfo, reader: Reader) -> Result:
        results = self._library.results
        tracks = open_tracks(results, info, self._spec)
        anew = self._redo or self._retried(source, tracks)
        if anew:
            tracks = open_tracks(results, info, self._spec, anew=f"again-{self.scan}")
        running = Running(source.number, source.found.path, info.frame_count)
        with self._lock:
            self._running[source.number] = running
        self._emit(
            events.TaskStarted(self.scan, source.number, source.found.path, info.frame_count)
        )

        def progress(done: int, steps: list[StepReport]) -> None:
            running.advance(done, steps)
            self._emit(events.BatchDone(self.scan, source.number, done, running.rate()))

        def looked_at(done: int, steps: list[StepReport]) -> None:
            running.total = None  # how many frames models are shown is known when they were
            progress(screened + done, steps)

        done_before = min((track.state.frames for track in tracks), default=0)
        running.first = running.done = done_before
        ended = measure_video(results, reader, info, self._spec, tracks, self.control, progress)
        self._check_unchanged(source, info, tracks)
        if anew:
            settle_tracks(results, tracks)
        screened = running.done
        result = self._judged(info, reader, tracks, ended, looked_at)
        self._check_unchanged(source, info, tracks)
        results.keep([result])
        self._thumbnails(info, result, reader)
        for track in tracks:
            track.stage.close()
        return result

    def _judged(
        self,
        info: SourceInfo,
        reader: Reader,
        tracks: list[StageTrack],
        ended: dict[str, Any],
        progress: Progress,
    ) -> Result:
        """Return the result of what was measured, and of what models say about it."""
        decided = decide(self._library.results, tracks)
        if self._eyes is None:
            return judge(info, self._spec, tracks, decided, ended)
        looked = self._eyes.look_at_video(reader, info, self.control, progress)
        times = self._times(tracks)
        decided = self._eyes.verify(reader, info, decided, times, looked, self.control)
        return judge(info, self._spec, tracks, decided, ended, looked)

    def _times(self, tracks: list[StageTrack]) -> NDArray[np.float64]:
        if not tracks:
            return np.zeros(0)
        columns = len(tracks[0].stage.columns)
        return self._library.results.whole_track(tracks[0].key, columns).pts_seconds

    def _check_unchanged(self, source: Source, info: SourceInfo, tracks: list[StageTrack]) -> None:
        """Refuse what was measured of a file that changed meanwhile: its hash is another's."""
        try:
            status = os.stat(source.found.path)
        except OSError:
            return  # gone since: what was read of it was the file that was hashed
        if (status.st_size, status.st_mtime_ns) != _identity(source)[1:]:
            self._library.results.forget_tracks([track.key for track in tracks])
            self._library.annotations.forget(info.content)
            raise Unreadable("changed while it was read; scan it again once it is whole")

    def _retried(self, source: Source, tracks: list[StageTrack]) -> bool:
        """Tell whether this is another try at a source that was cut off last time."""
        complete = bool(tracks) and all(track.state.complete for track in tracks)
        failure = self._library.results.failure(source.content, self._spec.hash())
        return complete and bool(failure) and not failure.startswith(UNANSWERED)

    def _thumbnails(self, info: SourceInfo, result: Result, reader: Reader) -> None:
        if not self._spec.output.thumbnails:
            return
        side, check = self._spec.output.thumbnail_pixels, self.control.checkpoint
        try:
            make_missing(self._library.thumbnails, reader, info, result.moments, side, check)
        except SourceError as error:
            self._emit(events.Warned(self.scan, f"{info.path}: no thumbnails ({error})"))

    def _lone_picture(self, source: Source) -> Result:
        done = next(self._scanned([source]))[0]
        if done.result is None:
            raise SourceError(done.failure or "holds nothing this profile looks at")
        return done.result

    def _scanned(self, sources: Sequence[Source]) -> Iterator[list[PictureDone]]:
        """Yield what came of pictures, microbatch by microbatch."""
        looking = self._eyes.looking if self._eyes else None
        scan = PictureScan(
            self._library.results, self._picture_pool, self._spec, looking,
            self._library.frames, redo=self._redo,
        )  # fmt: skip
        wanted = [Wanted(source.found, source.content) for source in sources]
        with self._eyes.turn if self._eyes else nullcontext():
            yield from scan.run(wanted, self.control)

    def _pictures(self, item: list[Source]) -> None:
        began, left = time.monotonic(), item
        for done in self._scanned(item):
            batch, left = left[: len(done)], left[len(done) :]
            self._keep_pictures(batch, done, time.monotonic() - began)
            began = time.monotonic()
            if self._ending:
                return

    def _keep_pictures(self, batch: list[Source], done: list[PictureDone], seconds: float) -> None:
        each = seconds / len(batch)
        rows, failures = [], []
        for source, picture in zip(batch, done, strict=True):
            rows.append(self._picture_row(source, picture, each))
            if picture.info is None and os.path.exists(source.found.path):
                failures.append((*_identity(source), picture.failure))
        self._library.results.remember_failures(failures)
        self._keep(rows)
        frames = self._counts["done"]
        self._emit(events.BatchDone(self.scan, batch[-1].number, frames, 1 / max(each, 1e-9)))

    def _picture_row(self, source: Source, picture: PictureDone, seconds: float) -> TaskRow:
        if picture.result is None:
            reason = picture.failure or "holds a video under a picture's name; rename it"
            content = picture.info.content if picture.info else None
            return self._row(source, content, "failed", reason, 0, 0, seconds)
        assert picture.info is not None
        state = "failed" if picture.failure else "done"
        return self._row(source, picture.info.content, state, picture.failure, 1, 0, seconds)

    def _finished(
        self, source: Source, info: SourceInfo, result: Result, seconds: float, *, reused: bool
    ) -> None:
        path = source.found.path
        for warning in result.warnings:
            self._emit(events.Warned(self.scan, f"{path}: {warning}"))
        for moment in result.moments:
            self._emit(
                events.MomentFound(
                    self.scan, source.number, path, moment.kind, moment.start_frame,
                    moment.end_frame, moment.start_seconds,
                    moment.peak_seconds, moment.end_seconds, moment.score,
                )
            )  # fmt: skip
        state = "failed" if result.failure else ("known" if reused else "done")
        row = self._row(
            source, info.content, state, result.failure, result.frames, len(result.moments), seconds
        )
        self._keep([row])

    def _failed(self, source: Source, reason: str, seconds: float, vanished: bool) -> None:
        if not vanished:
            self._library.results.remember_failures([(*_identity(source), reason)])
        self._keep([self._row(source, None, "failed", reason, 0, 0, seconds)])

    def _settle(self, sources: Sequence[Source]) -> None:
        """Record the sources nothing need be done for."""
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

    def _keep(self, rows: Sequence[TaskRow]) -> None:
        self._library.runs.add_tasks(self.scan, rows)
        with self._lock:
            for row in rows:
                self._counts[row.state] += 1
                self._counts["moments"] += row.moments
        for row in rows:
            if row.state == "failed":
                log.warning("scan %d: %s failed: %s", self.scan, row.path, row.reason)
            self._emit(
                events.TaskFinished(
                    self.scan, row.number, row.path, row.state, row.reason,
                    row.frames, row.moments, row.seconds,
                )
            )  # fmt: skip

    def _row(
        self, source: Source, content: str | None, state: str, reason: str,
        frames: int, moments: int, seconds: float,
    ) -> TaskRow:  # fmt: skip
        return TaskRow(
            self.scan, source.number, source.found.path, source.kind, content, state, reason,
            frames, moments, round(seconds, 3),
        )  # fmt: skip


def _identity(source: Source) -> tuple[str, int, int]:
    return source.found.path, source.found.size_bytes, source.found.mtime_ns
