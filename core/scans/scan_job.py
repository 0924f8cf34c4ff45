"""One scan at work: its sources one after another, or several side by side, in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..config.spec import Spec
from ..errors import EnvironmentFault, MissingExtra, ReaderDied, ReaderKilled, SourceError, Vanished
from ..pipeline.channel import Cancelled, Control
from ..protocol import messages as events
from ..protocol.state import ScanState
from ..records import SourceInfo
from ..sources.pools import decode_threads, image_readers, video_readers
from ..sources.process import ReaderProcess
from ..sources.reader import Reader
from ..stores.results import Result
from .gating import FrameGate
from .plan import Source, work_items
from .progress import RunningTasks
from .retries import Retries
from .stores import ScanStores
from .task_results import Emit, TaskResults
from .thumbnails import make_missing
from .videos import VideoScan
from .work_times import WorkTimes

if TYPE_CHECKING:
    from ..inference.runner import InferenceRunner
    from ..inference.session import InferenceSession
    from .images import ImageRequest, ImageResult, ImageScan


class ScanJob:
    """Runs the sources of one scan that need work; `run` blocks until it ends."""

    def __init__(
        self,
        library: ScanStores,
        scan: int,
        profile: str,
        spec: Spec,
        emit: Emit,
        *,
        redo: bool,
        session: InferenceSession | None = None,
        nice: int = 0,
        reader: ReaderProcess | None = None,
        parent: Control | None = None,
        gate: FrameGate | None = None,
        logged: bool = True,
    ) -> None:
        """`nice` is how readers stand back for others; `reader` is one that runs already.

        `parent` controls the job of which this scan is a part, `gate` is that of several such.
        Failures are `logged` unless the library is a temporary one, whose numbers say nothing.
        """
        self.scan = scan
        self._redo = redo
        self._session = session
        self.control = Control(parent)
        self._library = library
        self._profile = profile
        self._spec = spec
        self._emit = emit
        self._task_results = TaskResults(library, scan, spec.hash(), emit, logged=logged)
        self._tasks = RunningTasks(scan, emit, self._task_results.started)
        self._gate = gate or FrameGate(spec)
        self._times = WorkTimes(spec, session.loadings if session else {})
        self.prepared_seconds = 0.0
        """spent on this scan before it runs"""
        self._videos = VideoScan(
            library, scan, spec, session, self._tasks, self.control, self._gate, self._times,
            redo=redo,
        )  # fmt: skip
        self._contents: dict[int, str | None] = {}
        """by number, of pictures that an earlier pass has read"""
        self._retries = Retries(lambda text: emit(events.Warned(scan, text)))
        self._sources: int | None = None
        self._fault: BaseException | None = None
        self._ending = False
        self._pool = video_readers(spec, nice, reader)
        self._videos_waiting = 0
        self._count = threading.Lock()
        self._picture_turn = threading.Lock()
        """one batch of pictures keeps every reader of pictures busy; others do videos meanwhile"""
        self._image_pool = image_readers(spec, nice, beside_model=session is not None)

    def run(self, sources: Sequence[Source]) -> None:
        """Work through the sources. Raises EnvironmentFault or Cancelled; what is done is kept."""
        began = time.monotonic()
        self._sources = len(sources)
        to_read = [s for s in sources if s.result is None and not s.failure]
        if to_read and self._gate.compares_pictures:
            self._compare_with_known(sources)
        self._task_results.settled([s for s in sources if s.result is not None or s.failure])
        try:
            self.control.checkpoint()
            if self._session is not None and to_read:
                self._session.open()
                for runner in self._session.earlier:
                    self._go_through(to_read, partial(self._answer_ahead, runner))
                    runner.close()
            self._go_through(to_read, self._one)
            self._retries.run(self.control, self._close_readers, lambda: self._ending)
            with suppress(EnvironmentFault):  # the scan is complete all the same
                seconds = self.prepared_seconds + time.monotonic() - began
                self._times.keep(self._library.rates, seconds)
        finally:
            self._close_readers()
            if self._session is not None:
                self._session.close()
        if self._ending and not self.is_complete:
            raise Cancelled

    def _compare_with_known(self, sources: Sequence[Source]) -> None:
        """Have the pictures that an earlier scan read count for duplicates, in their order."""
        from .picture_stages import PictureStages

        stages = PictureStages(self._spec)
        for source in sources:
            if source.result is None or source.content is None or source.kind != "picture":
                continue
            info = self._library.results.info(source.content, source.found.path)
            measured = stages.kept(self._library.series, info)
            if info.kind == "picture" and measured is not None:
                self._gate.of_picture(info, measured)

    def _go_through(self, sources: Sequence[Source], work: Callable[[list[Source]], None]) -> None:
        """Do something with every source, several side by side; the first fault ends it."""
        items, lock = work_items(sources), threading.Lock()
        self._videos_waiting = sum(source.kind != "picture" for source in sources)
        workers = [
            threading.Thread(
                target=self._work, args=(items, lock, work), name=f"sightline-task-{n}"
            )
            for n in range(min(self._pool.size, max(len(sources), 1)))
        ]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        except BaseException:  # an interrupt: let nothing go on behind whoever runs this
            self.control.cancel()
            self._close_readers()
            raise
        finally:
            for worker in workers:
                if worker.ident is not None:
                    worker.join()
        if self._fault is not None:
            raise self._fault

    def _close_readers(self) -> None:  # they start again when they are asked
        self._pool.close()
        self._image_pool.close()

    def state(self, state: str) -> ScanState:
        """Return how the scan stands now."""
        counts = self._task_results.counts()
        return ScanState(
            self.scan, self._profile, state, self._sources or 0, self._task_results.finished(),
            counts["failed"], counts["moments"], self._tasks.states(),
        )  # fmt: skip

    def end_after_source(self) -> None:
        """Take up no further source; the scan ends as an interrupted one."""
        self._ending = True

    @property
    def is_complete(self) -> bool:
        """Tell whether every source is done with; a scan that still waits is not."""
        return self._sources is not None and self._task_results.finished() >= self._sources

    def counts(self) -> dict[str, int]:
        """Return how many sources are done, known and failed, and how many moments they hold."""
        return self._task_results.counts()

    def _work(
        self,
        items: Iterator[list[Source]],
        lock: threading.Lock,
        work: Callable[[list[Source]], None],
    ) -> None:
        try:
            while True:
                self.control.checkpoint()
                with lock:
                    item = next(items, None)
                if item is None or self._ending:
                    return
                work(item)
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
            self._unread(source, error, time.monotonic() - began)
            return
        finally:
            self._tasks.end(source)
        self._task_results.video(source, info, result, time.monotonic() - began, reused=reused)

    def _unread(self, source: Source, error: Exception, seconds: float) -> None:
        """Take down that a source could not be read, unless it was put off, or we stopped it."""
        if isinstance(error, ReaderDied) and self.control.cancelled:
            raise Cancelled from error
        if isinstance(error, ReaderKilled) and self._put_off(source):
            return
        lasting = not isinstance(error, (Vanished, ReaderKilled))
        self._task_results.failed(source, str(error), seconds, lasting=lasting)

    def _video(self, source: Source) -> tuple[SourceInfo, Result, bool]:
        """Return what a source is, its result, and whether that was there already."""
        with self._next_reader() as reader:
            info = self._videos.info(source, reader)
            known = self._videos.known(info) if source.content is None else None
            if known is not None:
                return info, known, True
            if info.kind == "picture":
                return info, self._lone_picture(source), False
            counted, result = self._videos.measure(source, info, reader)
            self._thumbnails(counted, result, reader)
            return info, result, False

    def _next_reader(self) -> AbstractContextManager[Reader]:
        """Lend a reader for the next video, with as many threads as those that wait leave it."""
        with self._count:
            self._videos_waiting = max(self._videos_waiting - 1, 0)
            return self._pool.lend(decode_threads(self._spec, self._videos_waiting))

    def _answer_ahead(self, runner: InferenceRunner, item: list[Source]) -> None:
        """Show sources to the models of an earlier pass; what is wrong with one is said later."""
        if item[0].kind == "picture":
            with suppress(ReaderKilled):
                self._pictures_ahead(runner, item)
            return
        with suppress(SourceError, MissingExtra), self._next_reader() as reader:
            info = self._videos.info(item[0], reader)
            if info.kind == "picture":
                self._pictures_ahead(runner, item)
            else:
                self._video_ahead(runner, item[0], info, reader)

    def _video_ahead(
        self, runner: InferenceRunner, source: Source, info: SourceInfo, reader: Reader
    ) -> None:
        assert self._session is not None
        if self._videos.known(info) is not None:
            return
        progress = self._tasks.reporter(source, self._tasks.begin(source, None))
        try:
            gated = self._videos.gated_ahead(info, reader)
            self._videos.answer(info, reader, progress, gated, runner)
        finally:
            self._tasks.end(source)

    def _pictures_ahead(self, runner: InferenceRunner, item: list[Source]) -> None:
        assert self._session is not None
        scan, running = self._picture_scan(runner), self._tasks.begin(item[0], len(item))
        progress = self._tasks.reporter(item[0], running)
        began = time.monotonic()
        try:
            videos: list[tuple[Source, SourceInfo]] = []
            with self._session.turn:
                for read in scan.answer_ahead(self._wanted(item), self.control):
                    at = running.done
                    for source, info in zip(item[at:], read, strict=False):
                        self._contents[source.number] = info.content if info else None
                        if info is not None and info.kind == "video":
                            videos.append((source, info))
                    progress(at + len(read), [])
                    if self._ending:
                        return
            self._take_down(len(item) - len(videos), time.monotonic() - began, runner)
        finally:
            self._tasks.end(item[0])
        for source, info in videos:
            with suppress(SourceError), self._pool.lend() as reader:
                self._video_ahead(runner, source, info, reader)

    def _thumbnails(self, info: SourceInfo, result: Result, reader: Reader) -> None:
        if not self._spec.output.thumbnails:
            return
        side, check = self._spec.output.thumbnail_pixels, self.control.checkpoint
        try:
            make_missing(self._library.thumbnails, reader, info, result.moments, side, check)
        except SourceError as error:
            again = partial(self._thumbnails_again, info, result)
            if isinstance(error, ReaderKilled) and self._retries.put_off(info.path, again):
                return
            self._emit(events.Warned(self.scan, f"{info.path}: no thumbnails ({error})"))

    def _thumbnails_again(self, info: SourceInfo, result: Result) -> None:
        with self._pool.lend() as reader:
            self._thumbnails(info, result, reader)

    def _put_off(self, source: Source) -> bool:
        return self._retries.put_off(source.found.path, partial(self._one, [source]))

    def _lone_picture(self, source: Source) -> Result:
        done = next(self._scanned([source]))[0]
        if done.killed:
            raise ReaderKilled(done.failure)
        if done.result is None:
            raise SourceError(done.failure or "contains nothing that this profile processes")
        return done.result

    def _scanned(self, sources: Sequence[Source]) -> Iterator[list[ImageResult]]:
        """Yield what came of pictures, microbatch by microbatch."""
        scan = self._picture_scan(self._session.runner if self._session else None)
        with self._session.turn if self._session else self._picture_turn:
            yield from scan.run(self._wanted(sources), self.control)

    def _picture_scan(self, runner: InferenceRunner | None) -> ImageScan:
        from .images import ImageScan

        return ImageScan(
            self._library, self._image_pool, self._spec, runner,
            self._library.frames, self._gate, redo=self._redo, ending=lambda: self._ending,
        )  # fmt: skip

    def _wanted(self, sources: Sequence[Source]) -> list[ImageRequest]:
        from .images import ImageRequest

        return [
            ImageRequest(source.found, source.content or self._contents.get(source.number))
            for source in sources
        ]

    def _pictures(self, item: list[Source]) -> None:
        start = began = time.monotonic()
        left = item
        videos: list[Source] = []
        try:
            for done in self._scanned(item):
                batch, left = left[: len(done)], left[len(done) :]
                pairs = list(zip(batch, done, strict=True))
                self._done([p for p in pairs if not _is_video(p[1])], time.monotonic() - began)
                videos += [replace(s, kind="video") for s, each in pairs if _is_video(each)]
                began = time.monotonic()
                if self._ending:
                    return
            self._take_down(len(item) - len(videos), time.monotonic() - start)
        except ReaderKilled as error:  # of a picture that models were to be shown
            for source in left:
                self._unread(source, error, 0.0)
        for source in videos:  # animated pictures, and videos under a picture's name
            self._one([source])

    def _take_down(
        self, pictures: int, seconds: float, runner: InferenceRunner | None = None
    ) -> None:
        """Note how long pictures took, by the models of a pass if there are any."""
        asked = runner or (self._session.runner if self._session else None)
        self._times.pictures(pictures, seconds, asked.take_times() if asked else None)

    def _done(self, batch: list[tuple[Source, ImageResult]], seconds: float) -> None:
        """Take down a microbatch of pictures, less those to be tried once more."""
        ended = [
            (source, picture)
            for source, picture in batch
            if not (picture.killed and self._put_off(source))
        ]
        self._task_results.pictures(ended, seconds)


def _is_video(done: ImageResult) -> bool:
    return done.info is not None and done.info.kind == "video"
