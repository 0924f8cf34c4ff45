"""Screening of one video, from what its file says to the result that is kept.

`images.py` does the same for pictures.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..config.spec import Spec
from ..errors import Unreadable
from ..inference.answers import UNANSWERED
from ..pipeline.channel import Control
from ..pipeline.runner import StepReport
from ..records import SourceInfo
from ..screening.registry import versions
from ..sources.reader import Reader
from ..stores.results import Result
from .gating import FrameGate, Gated
from .measure import Progress, StageSeries, measure_video, open_series, settle_series, times_of
from .plan import Source
from .progress import RunningTasks
from .provisional import ProvisionalEvents
from .results import Judge, decide, measured
from .stores import ScanStores
from .task_results import has_changed

if TYPE_CHECKING:
    from ..inference.answers import ModelAnswers
    from ..inference.runner import InferenceRunner
    from ..inference.session import InferenceSession
    from .work_times import WorkTimes


class VideoScan:
    """Measures videos with the stages of one scan. Threads may call it for different videos."""

    def __init__(
        self,
        library: ScanStores,
        scan: int,
        spec: Spec,
        session: InferenceSession | None,
        tasks: RunningTasks,
        control: Control,
        gate: FrameGate,
        times: WorkTimes,
        *,
        redo: bool,
    ) -> None:
        """With `redo`, no earlier result stands."""
        self._library = library
        self._scan = scan
        self._spec = spec
        self._session = session
        self._tasks = tasks
        self._control = control
        self._gate = gate
        self._times = times
        self._redo = redo
        self._versions = versions(spec.screening_stages)

    def info(self, source: Source, reader: Reader) -> SourceInfo:
        """Return what a source is: as the library knows it, else as its file says."""
        if source.content is not None:
            return self._library.results.info(source.content, source.found.path)
        rate = self._spec.sampling.raw_rate
        info = reader.probe(source.found.path, stream=source.stream, raw_rate=rate).info
        self._library.results.forget_if_shown_otherwise(info, self._spec.hash())
        self._library.results.remember([(info, source.found.mtime_ns)])
        return info

    def known(self, info: SourceInfo) -> Result | None:
        """Return the result that a video has already, if it stands."""
        result = self._library.results.get(info.content, self._spec.hash())
        if result is None or result.failure or self._redo:
            return None
        return result if result.measured_by(self._versions, info.timing) else None

    def measure(
        self, source: Source, info: SourceInfo, reader: Reader
    ) -> tuple[SourceInfo, Result]:
        """Measure a video and keep the result; return it, and `info` with the frames counted.

        Raises SourceError or Cancelled.
        """
        results, series = self._library.results, self._library.series
        tracks, anew = self._opened(info)
        running = self._tasks.begin(source, info.frame_count, info.duration_seconds)
        report = self._tasks.reporter(source, running)
        ahead = ProvisionalEvents(series, info, self._spec, tracks, lambda: running.watched)

        def progress(done: int, steps: list[StepReport]) -> None:
            ahead.update()
            running.provisional = ahead.events
            report(done, steps)

        def answered(done: int, steps: list[StepReport]) -> None:
            running.total = None  # how many frames models are shown is known when they were
            report(screened + done, steps)

        done_before = min((track.state.frames for track in tracks), default=0)
        running.first = running.done = done_before
        began, beside = time.monotonic(), self._tasks.count()
        ended = measure_video(series, reader, info, self._spec, tracks, self._control, progress)
        at_once = round((beside + self._tasks.count()) / 2)
        seconds = time.monotonic() - began
        self._times.screened(info, running.done - done_before, seconds, at_once)
        if why := ended.get("fallback"):
            self._tasks.warn_once(f"sampling.decoder: {why}; software decodes")
        self._check_unchanged(source, info, tracks)
        if anew:
            settle_series(series, tracks)
        screened = running.done
        info = self._counted(source, info, ended)
        result = self._judged(info, reader, tracks, ended, answered)
        self._check_unchanged(source, info, tracks)
        results.keep([result])
        for track in tracks:
            track.stage.close()
        return info, result

    def gated_ahead(self, info: SourceInfo, reader: Reader) -> Gated:
        """Return which frames an earlier pass keeps from models; measures them where need be.

        `measure` then finds them measured. Raises SourceError or Cancelled.
        """
        series = self._library.series
        if self._gate.is_open:
            return self._gate.of_video(series, [])
        tracks, _ = self._opened(info)

        def unseen(done: int, steps: list[StepReport]) -> None:
            """Report nothing: progress counts the frames that the models are shown."""

        measure_video(series, reader, info, self._spec, tracks, self._control, unseen)
        return self._gate.of_video(series, tracks)

    def _opened(self, info: SourceInfo) -> tuple[list[StageSeries], bool]:
        """Return the series of a video, and whether they are measured beside those kept."""
        series = self._library.series
        tracks = open_series(series, info, self._spec)
        anew = self._redo or self._retried(info.content, tracks)
        if anew:
            tracks = open_series(series, info, self._spec, anew=f"again-{self._scan}")
        return tracks, anew

    def _counted(self, source: Source, info: SourceInfo, ended: dict[str, Any]) -> SourceInfo:
        """Keep how many frames a video holds and how long it is, now that all were read."""
        counted = measured(info, self._spec, ended)
        if counted != info:
            self._library.results.remember([(counted, source.found.mtime_ns)])
        return counted

    def _judged(
        self,
        info: SourceInfo,
        reader: Reader,
        tracks: list[StageSeries],
        ended: dict[str, Any],
        progress: Progress,
    ) -> Result:
        """Return the result of what was measured, and of what models say about it."""
        decided = decide(self._library.series, tracks)
        headers = [track.header for track in tracks]
        if self._session is None:
            return Judge(self._spec).result(info, headers, decided, ended)
        gated = self._gate.of_video(self._library.series, tracks)
        answers = self.answer(info, reader, progress, gated, self._session.runner)
        times = times_of(self._library.series, tracks)
        began = time.monotonic()
        decided = self._session.verify(reader, info, decided, times, answers, self._control)
        for stage in set(self._spec.model_stages) - set(self._spec.frame_stages):
            self._times.verified(stage, info, time.monotonic() - began)
        return Judge(self._spec).result(info, headers, decided, ended, answers)

    def answer(
        self, info: SourceInfo, reader: Reader, progress: Progress, gated: Gated,
        runner: InferenceRunner | None,
    ) -> ModelAnswers:  # fmt: skip
        """Show a video's frames to the models of a pass, and take down how long that takes."""
        assert self._session is not None
        began = time.monotonic()
        answers = self._session.answer_video(
            reader, info, self._control, progress, runner, gated=gated
        )
        if runner is not None:
            self._times.answered("video", time.monotonic() - began, runner.take_times())
            self._times.keyframes(info, answers.frames)
        return answers

    def _check_unchanged(self, source: Source, info: SourceInfo, tracks: list[StageSeries]) -> None:
        """Refuse what was measured of a file that changed meanwhile: its hash is another's."""
        if has_changed(source):
            self._library.series.forget([track.key for track in tracks])
            self._library.annotations.forget(info.content)
            raise Unreadable("changed while it was read; scan it again when copying has finished")

    def _retried(self, content: str, tracks: list[StageSeries]) -> bool:
        """Tell whether this is another try at a source that was cut off last time."""
        complete = bool(tracks) and all(track.state.complete for track in tracks)
        failure = self._library.results.failure(content, self._spec.hash())
        return complete and bool(failure) and not failure.startswith(UNANSWERED)
