"""Screening one video: read, measure, keep; from wherever it stopped before."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config.spec import Spec
from ..errors import Unreadable
from ..pipeline.channel import Control
from ..pipeline.runner import Chain, Step, StepFailed, StepReport
from ..records import LumaBatch, SourceInfo
from ..screening.registry import create
from ..screening.stage import Stage, Window
from ..sources.container import RAW_FORMATS
from ..sources.reader import Reader, ReaderChosen, VideoEnd
from ..stores.series import (
    SeriesHeader,
    SeriesPart,
    SeriesState,
    SeriesStore,
    picture_key,
    series_key,
)
from .windows import windows

Progress = Callable[[int, list[StepReport]], None]
"""called after each microbatch with the frames done and where time goes"""


@dataclass
class StageSeries:
    """A stage that is open for a source, and the series it measures."""

    stage: Stage
    header: SeriesHeader
    state: SeriesState

    @property
    def key(self) -> str:
        """Return the key of the series."""
        return self.header.key


class _Misaligned(Exception):
    """Seeking did not lead back to the frame that was measured last."""


def open_series(
    store: SeriesStore, info: SourceInfo, spec: Spec, anew: str = ""
) -> list[StageSeries]:
    """Open the stages of a spec that apply to a source, with how far each was measured before.

    With `anew`, series of their own are measured beside those kept, under that name; they replace
    the others once they are complete (see `settle_series`).
    """
    tracks = []
    for name in spec.screening_stages:
        stage = create(name)
        if info.kind in stage.kinds:
            stage.open(info, spec)
            settings = measure_settings(spec, name, info)
            key = series_key(info.content, name, stage.version, settings)
            key = picture_key(info.content, key) if info.kind == "picture" else key
            key = f"{key}.{anew}" if anew else key
            header = SeriesHeader(key, info.content, name, stage.version, settings)
            tracks.append(StageSeries(stage, header, store.state(key)))
    return tracks


def settle_series(store: SeriesStore, tracks: list[StageSeries]) -> None:
    """Let remeasured series replace those kept before."""
    store.rename({track.key: track.key.partition(".")[0] for track in tracks})
    for track in tracks:
        track.header = replace(track.header, key=track.key.partition(".")[0])


def times_of(store: SeriesStore, tracks: list[StageSeries]) -> NDArray[np.float64]:
    """Return the times of all frames that were measured, float64 (frames,), in seconds."""
    if not tracks:
        return np.zeros(0)
    return store.whole(tracks[0].key, len(tracks[0].stage.columns)).pts_seconds


def measure_settings(spec: Spec, stage: str, info: SourceInfo) -> dict[str, Any]:
    """Return the settings a series depends on; those that cannot matter here are left out."""
    settings = spec.measure_settings(stage)
    if info.kind == "picture":
        return {**settings, "sampling": {}}
    sampling = settings["sampling"]
    used = {"every": (), "keyframes": (), "fps": ("fps", "reader"), "count": ("count", "reader")}
    raw = ("raw_rate",) if info.container in RAW_FORMATS else ()
    wanted = {"mode", "max_frames", *raw, *used[sampling["mode"]]}
    timing = {"timing": info.timing} if info.timing else {}
    kept = {key: sampling[key] for key in sorted(wanted & sampling.keys())}
    return {**settings, **timing, **_shape(spec, info), "sampling": kept}


def _shape(spec: Spec, info: SourceInfo) -> dict[str, Any]:
    """Return what of a video's shape changes its series: mirroring, and regions on wide pixels."""
    shape = {"grid": info.grid} if info.grid else {}
    if (spec.regions.include or spec.regions.exclude) and "pixel_aspect" in info.metadata:
        shape["size"] = f"{info.width}x{info.height}"
    return shape


def measure_video(
    store: SeriesStore,
    reader: Reader,
    info: SourceInfo,
    spec: Spec,
    tracks: list[StageSeries],
    control: Control,
    progress: Progress,
) -> dict[str, Any]:
    """Measure what is missing of `tracks`, one transaction a microbatch; return how reading ended.

    Raises SourceError, EnvironmentFault or Cancelled; whatever was measured is kept.
    """
    missing = [track for track in tracks if not track.state.complete]
    if not missing:
        return tracks[0].state.ended if tracks else {}
    job = _Job(store, reader, info, spec, missing, control, progress)
    ended = job.run_from_wherever()
    store.complete([track.key for track in missing], ended)
    return ended


@dataclass
class _Job:
    store: SeriesStore
    reader: Reader
    info: SourceInfo
    spec: Spec
    tracks: list[StageSeries]
    control: Control
    progress: Progress

    def run_from_wherever(self) -> dict[str, Any]:
        """Continue after the last microbatch: by seeking, by reading up to it, or from the start.

        The last is for frames that do not decode as they did: another FFmpeg, say.
        """
        for seek in (True, False):
            try:
                self._begin()
                return self.run(seek=seek)
            except _Misaligned:
                continue
        self.store.forget([track.key for track in self.tracks])
        for track in self.tracks:
            track.state = SeriesState(track.key, 0, False, {})
        self._begin()
        return self.run(seek=True)

    def _begin(self) -> None:
        self.store.begin([track.header for track in self.tracks])

    def run(self, *, seek: bool) -> dict[str, Any]:
        """Read from where measuring stopped, or (without `seek`) from the beginning up to there."""
        start = min(track.state.frames for track in self.tracks)
        context = max(1, *(track.stage.context for track in self.tracks))
        lead = min(context, start)
        ended: dict[str, Any] = {}
        batches = self._batches(ended, start, lead, seek)
        chain = Chain(batches, [self._prepare(context, lead, start)], self.control)
        done = start
        try:
            # Reading and preparing run ahead in threads of their own. Inferring does not begin on
            # a microbatch before the one before it is kept: so a kill costs one, never a queue.
            for window, prepared in chain:
                self.store.append(self._measured(window, prepared))
                done = window.first + window.count
                self.progress(done, chain.reports())
        except StepFailed as failure:
            raise failure.__cause__ or failure from failure
        if done == 0:
            raise Unreadable("no frame could be decoded; the file may be cut off or only a header")
        ended["frames"] = done
        return ended

    def _batches(
        self, ended: dict[str, Any], start: int, lead: int, seek: bool
    ) -> Iterator[LumaBatch]:
        skip = start - lead if seek else 0
        skip_seconds = self._seconds_of(skip) if skip else 0.0
        size = self.spec.run.batch_size
        sampling = self.spec.sampling.model_copy(update={"stream": self.info.asked_stream})
        items = self.reader.video(self.info.path, sampling, size, skip, skip_seconds)
        # Closed here and not whenever memory is tidied: the reader answers one request at a time.
        with closing(items):
            frames = _frames_of(items, ended)
            if not seek:
                frames = _dropped(frames, start - lead)
            if start:
                frames = _checked(frames, lead, self._mark_before(start))
            yield from _recut(frames, lead, size)

    def _prepare(self, context: int, lead: int, start: int) -> Step:
        stages = [track.stage for track in self.tracks]

        def prepare(batches: Iterator[LumaBatch]) -> Iterator[tuple[Window, list[Any]]]:
            for window in windows(batches, context, lead, start):
                yield window, [stage.prepare(window) for stage in stages]

        return Step("prepare", prepare)

    def _measured(self, window: Window, prepared: list[Any]) -> dict[str, SeriesPart]:
        mark = _mark(window.luma[window.before + window.count - 1])
        return {
            track.key: SeriesPart(
                window.first,
                window.indices,
                window.pts_seconds,
                track.stage.finish(track.stage.infer(ready)),
                mark,
            )
            for track, ready in zip(self.tracks, prepared, strict=True)
        }

    def _seconds_of(self, ordinal: int) -> float:
        chunk = self.store.part_holding(self.tracks[0].key, ordinal)
        if chunk is None:
            raise _Misaligned
        return float(chunk.pts_seconds[ordinal - chunk.first])

    def _mark_before(self, ordinal: int) -> int | None:
        """Return the checksum of the frame before, where a microbatch ended there."""
        for track in self.tracks:
            chunk = self.store.part_holding(track.key, ordinal - 1)
            if chunk is not None and chunk.first + len(chunk.indices) == ordinal:
                return chunk.mark
        return None


def _frames_of(
    items: Iterator[LumaBatch | ReaderChosen | VideoEnd], ended: dict[str, Any]
) -> Iterator[LumaBatch]:
    """Yield the frames a reader gives; what else it reports goes into `ended`."""
    for item in items:
        if isinstance(item, LumaBatch):
            yield item
        else:
            ended |= item.facts()


def _dropped(batches: Iterator[LumaBatch], frames: int) -> Iterator[LumaBatch]:
    for batch in batches:
        dropped = min(frames, len(batch))
        frames -= dropped
        if dropped < len(batch):
            yield _cut(batch, slice(dropped, None))


def _checked(batches: Iterator[LumaBatch], lead: int, mark: int | None) -> Iterator[LumaBatch]:
    """Pass batches on once the last leading frame proves to be the one measured last time.

    Seeking lands on a wrong or wrongly decoded frame in some files; then all is read instead.
    """
    seen = 0
    for batch in batches:
        holds_last = mark is not None and seen < lead <= seen + len(batch)
        if holds_last and _mark(batch.luma[lead - seen - 1]) != mark:
            raise _Misaligned
        seen += len(batch)
        yield batch
    if seen < lead:
        raise _Misaligned


def _recut(batches: Iterator[LumaBatch], lead: int, size: int) -> Iterator[LumaBatch]:
    """Put the leading frames into a batch of their own, so microbatches begin where they would."""
    if not lead:
        yield from batches
        return
    held: LumaBatch | None = None
    want = lead
    for batch in batches:
        held = batch if held is None else _joined(held, batch)
        while len(held) >= want:
            yield _cut(held, slice(0, want))
            held, want = _cut(held, slice(want, None)), size
    if held is not None and len(held):
        yield held


def _cut(batch: LumaBatch, part: slice) -> LumaBatch:
    return LumaBatch(batch.indices[part], batch.pts_seconds[part], batch.luma[part], batch.scale)


def _joined(first: LumaBatch, second: LumaBatch) -> LumaBatch:
    return LumaBatch(
        np.concatenate([first.indices, second.indices]),
        np.concatenate([first.pts_seconds, second.pts_seconds]),
        np.concatenate([first.luma, second.luma]),
        first.scale,
    )


def _mark(luma: np.ndarray[Any, Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(luma).tobytes())
