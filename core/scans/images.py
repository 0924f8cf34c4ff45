"""Taking images through their stages, microbatch after microbatch.

While one microbatch is measured and shown to models, the next is read: reading runs in reader
processes, a thread of its own waits for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from ..config.spec import Spec
from ..errors import MissingExtra, ReaderKilled, SourceError
from ..inference.answers import ModelAnswers
from ..inference.frames import colour_of, kept_frames, shown
from ..inference.runner import InferenceRunner
from ..inference.stage import LazyFrame, Microbatch, PriorAnswers
from ..models.protocols import Pixels
from ..pipeline.channel import Control
from ..pipeline.runner import Chain, StepFailed
from ..records import SourceInfo
from ..screening.cells import cell_means
from ..screening.stage import Window
from ..sources.locator import FoundFile
from ..sources.pools import ReaderPool
from ..sources.reader import Probed, again_if_killed
from ..stores.answers import FrameStore
from ..stores.results import MeasurementStores, Result
from ..stores.series import SeriesHeader, SeriesPart
from .measure import StageSeries, open_series
from .results import decide, judge

AT_ONCE = 64
"""pictures of a microbatch without a model; each is a few hundred KiB of reduced luma"""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A picture to scan; `content` is known where the file is unchanged since it was read."""

    found: FoundFile
    content: str | None = None


@dataclass(frozen=True, slots=True)
class ImageResult:
    """One picture of a microbatch: what came of it, or why it failed.

    `info` is set as soon as the file could be read. A file that proves to be a video has `info`
    of that kind and no result.
    """

    found: FoundFile
    info: SourceInfo | None
    result: Result | None
    failure: str = ""
    killed: bool = False
    """whether its reader was killed from outside: then nothing is known against the file"""


@dataclass
class _Read:
    """A picture that was read, or need not be."""

    wanted: ImageRequest
    info: SourceInfo | None = None
    probed: Probed | None = None
    tracks: list[StageSeries] = field(default_factory=list)
    failure: str = ""
    killed: bool = False


class ImageScan:
    """Scans pictures with one spec; `runner` shows them to models, if the spec has such stages."""

    def __init__(
        self,
        stores: MeasurementStores,
        pool: ReaderPool,
        spec: Spec,
        runner: InferenceRunner | None = None,
        frames: FrameStore | None = None,
        *,
        redo: bool = False,
    ) -> None:
        self._results = stores.results
        self._series = stores.series
        self._pool = pool
        self._spec = spec
        self._runner = runner
        self._frames = kept_frames(spec, frames) if frames else None
        self._colour = colour_of(spec) if runner else None
        self._redo = redo
        self._at_once = spec.models.batch_size if runner else AT_ONCE

    def run(self, wanted: Sequence[ImageRequest], control: Control) -> Iterator[list[ImageResult]]:
        """Yield what came of each microbatch, kept already. Raises EnvironmentFault, Cancelled."""
        for batch in self._looked_at(wanted, control):
            yield self._kept(batch)

    def answer_ahead(
        self, wanted: Sequence[ImageRequest], control: Control
    ) -> Iterator[list[SourceInfo | None]]:
        """Show pictures to the models of an earlier pass; yield what each of a microbatch is.

        What was read and said is kept; results are made in the last pass.
        """
        for batch in self._looked_at(wanted, control):
            read: list[_Read] = batch.carried
            yield [each.info for each in read]

    def _looked_at(self, wanted: Sequence[ImageRequest], control: Control) -> Iterator[Microbatch]:
        if self._runner is not None:
            read = self._microbatches(wanted)
            yield from self._runner.run(read, control, lambda _batch, _reports: None)
            return
        try:
            yield from Chain(self._microbatches(wanted), [], control, capacity=1)
        except StepFailed as failure:
            raise failure.__cause__ or failure from failure

    def _microbatches(self, wanted: Sequence[ImageRequest]) -> Iterator[Microbatch]:
        with ThreadPoolExecutor(self._pool.size, "sightline-pictures") as threads:
            for start in range(0, len(wanted), self._at_once):
                part = wanted[start : start + self._at_once]
                read = list(threads.map(self._read, part))
                self._remember(read)
                yield Microbatch(self._shown(read), carried=read)

    def _read(self, wanted: ImageRequest) -> _Read:
        if wanted.content is not None and not self._redo:
            info = self._results.info(wanted.content, wanted.found.path)
            tracks = open_series(self._series, info, self._spec)
            if all(track.state.complete for track in tracks):
                return _Read(wanted, info, None, tracks)
        try:
            with self._pool.lend() as reader:
                probed = reader.probe(
                    wanted.found.path, luma=bool(self._spec.screening_stages), colour=self._colour
                )
        except (SourceError, MissingExtra) as error:
            killed = isinstance(error, ReaderKilled)
            return _Read(wanted, failure=str(error), killed=killed)
        if probed.info.kind != "picture":
            return _Read(wanted, probed.info, probed)
        return _Read(
            wanted, probed.info, probed, open_series(self._series, probed.info, self._spec)
        )

    def _remember(self, read: list[_Read]) -> None:
        """Keep what was read and measured: what is asked of models comes after."""
        probed = [each for each in read if each.probed is not None and each.info is not None]
        self._results.remember(
            (each.info, each.wanted.found.mtime_ns) for each in probed if each.info
        )
        self._series.keep_whole(
            [
                _measured(track, each.probed)
                for each in probed
                for track in each.tracks
                if each.probed is not None
            ]
        )

    def _shown(self, read: list[_Read]) -> list[LazyFrame]:
        """Return the pictures that go to models, identified by their contents."""
        if self._runner is None:
            return []
        return [
            shown(each.info, 0, 0.0, self._decode(each), self._spec, self._frames)
            for each in read
            if each.info is not None and each.info.kind == "picture"
        ]

    def _decode(self, read: _Read) -> partial[Pixels]:
        return partial(self._pixels, read)

    def _pixels(self, read: _Read) -> Pixels:
        if read.probed is not None and read.probed.colour is not None:
            return read.probed.colour
        probed = again_if_killed(lambda: self._probed_colour(read.wanted.found.path))
        if read.info is None or probed.info.content != read.info.content or probed.colour is None:
            raise SourceError("changed while it was scanned; scan it again")
        return probed.colour

    def _probed_colour(self, path: str) -> Probed:
        with self._pool.lend() as reader:
            return reader.probe(path, luma=False, colour=self._colour)

    def _kept(self, batch: Microbatch) -> list[ImageResult]:
        said = {each.content: prior for each, prior in zip(batch.shown, batch.prior, strict=True)}
        read: list[_Read] = batch.carried
        results = {
            each.info.content: self._judged(each, each.info, said)
            for each in read
            if each.info is not None and each.info.kind == "picture"
        }
        self._results.keep(results.values())
        return [_done(each, results) for each in read]

    def _judged(self, read: _Read, info: SourceInfo, said: dict[str, PriorAnswers]) -> Result:
        answers = None
        if self._runner is not None:
            notes = [note for notes in said[info.content].values() for note in notes]
            answers = ModelAnswers(1, notes, self._runner.asked)
        decided = decide(self._series, read.tracks)
        return judge(info, self._spec, read.tracks, decided, {}, answers)


def _measured(track: StageSeries, probed: Probed) -> tuple[SeriesHeader, SeriesPart]:
    batch = probed.picture
    assert batch is not None
    window = Window(
        (batch.luma,),
        cell_means(batch.luma),
        0,
        1,
        batch.indices,
        batch.pts_seconds,
        batch.scale,
        0,
    )
    stage = track.stage
    values = stage.finish(stage.infer(stage.prepare(window)))
    return track.header, SeriesPart(0, batch.indices, batch.pts_seconds, values)


def _done(read: _Read, results: dict[str, Result]) -> ImageResult:
    found = read.wanted.found
    if read.info is None:
        return ImageResult(found, None, None, read.failure, read.killed)
    result = results.get(read.info.content)
    return ImageResult(found, read.info, result, result.failure if result else "")
