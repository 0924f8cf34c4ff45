"""Taking images through their stages, microbatch after microbatch.

While one microbatch is kept, or shown to models, the next is read: reading runs in reader
processes, threads of this one wait for them. Where pictures are many and no model is to see them,
the reader processes measure them as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from ..config.spec import Spec
from ..errors import MissingExtra, ReaderKilled, SightlineError, SourceError
from ..inference.answers import ModelAnswers
from ..inference.frames import colour_of, kept_frames, shown
from ..inference.runner import InferenceRunner
from ..inference.stage import LazyFrame, Microbatch, PriorAnswers
from ..models.protocols import Pixels
from ..pipeline.channel import Control
from ..pipeline.runner import Chain, StepFailed
from ..records import SourceInfo
from ..screening.stage import Stage
from ..sources.locator import FoundFile
from ..sources.picture_reading import Measured
from ..sources.pools import ReaderPool
from ..sources.reader import Probed, again_if_killed
from ..stores.answers import FrameStore
from ..stores.results import MeasurementStores, Result
from ..stores.series import SeriesHeader
from .gating import FrameGate
from .many_pictures import Batches, read_in_order
from .picture_stages import PictureStages, Values, decided, measured, part_of, series_of
from .results import Judge

AT_ONCE = 64
"""pictures of a microbatch that is measured here; each is a few hundred KiB of reduced luma"""
MANY = 256
"""pictures from which on readers measure: what that takes is loaded once in each of them"""


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
    """A picture that was read, or need not be: `values` are those of each stage."""

    wanted: ImageRequest
    info: SourceInfo | None = None
    stages: list[Stage] = field(default_factory=list)
    headers: list[SeriesHeader] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)
    fresh: bool = False
    """whether the file was read now"""
    colour: Pixels | None = None
    failure: str = ""
    killed: bool = False

    @property
    def is_picture(self) -> bool:
        return self.info is not None and self.info.kind == "picture"


class ImageScan:
    """Scans pictures with one spec; `runner` shows them to models, if the spec has such stages."""

    def __init__(
        self,
        stores: MeasurementStores,
        pool: ReaderPool,
        spec: Spec,
        runner: InferenceRunner | None = None,
        frames: FrameStore | None = None,
        gate: FrameGate | None = None,
        *,
        redo: bool = False,
        ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """`ending` returns whether the scan ends after what is being read."""
        self._gate = gate or FrameGate(spec)
        self._results = stores.results
        self._series = stores.series
        self._pool = pool
        self._spec = spec
        self._runner = runner
        self._frames = kept_frames(spec, frames) if frames else None
        self._colour = colour_of(spec) if runner else None
        self._redo = redo
        self._ending = ending
        self._at_once = spec.models.batch_size if runner else AT_ONCE
        self._stages = PictureStages(spec)
        self._judge = Judge(spec)

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
        many = len(wanted) >= MANY and self._stages.built_in
        read = self._measured_by_readers(wanted, control) if many else self._microbatches(wanted)
        try:
            yield from Chain(read, [], control, capacity=1)
        except StepFailed as failure:
            raise failure.__cause__ or failure from failure

    def _microbatches(self, wanted: Sequence[ImageRequest]) -> Iterator[Microbatch]:
        with ThreadPoolExecutor(self._pool.size, "sightline-pictures") as threads:
            for start in range(0, len(wanted), self._at_once):
                read = list(threads.map(self._read, wanted[start : start + self._at_once]))
                if self._runner is not None:
                    self._remember(read)  # before models are asked
                yield Microbatch(self._shown(read), carried=read)

    def _measured_by_readers(
        self, wanted: Sequence[ImageRequest], control: Control
    ) -> Iterator[Microbatch]:
        settings = self._spec.model_dump(mode="json")

        def read_some(part: Sequence[ImageRequest], stopped: threading.Event) -> list[_Read]:
            known = {each: found for each in part if (found := self._known(each))}
            unread = [each for each in part if each not in known]
            paths = [each.found.path for each in unread]
            answers = read_in_order(self._pool, paths, settings, control, stopped)
            read = known | {
                each: self._answered(each, answer)
                for each, answer in zip(unread, answers, strict=True)
            }
            return [read[each] for each in part]

        batches: Batches[_Read] = Batches(self._pool.size, self._ending)
        for read in batches.of(wanted, read_some):
            yield Microbatch([], carried=read)

    def _answered(self, wanted: ImageRequest, answer: Measured | SightlineError) -> _Read:
        if not isinstance(answer, Measured):
            return self._unread(wanted, answer)
        info = answer.info
        if info.kind != "picture":
            return _Read(wanted, info, fresh=True)
        try:
            values = list(self._stages.split(answer.values))
        except ValueError as error:
            return _Read(wanted, failure=f"the decoder's reply is invalid ({error})")
        return self._opened(_Read(wanted, info, values=values, fresh=True), info)

    def _opened(self, read: _Read, info: SourceInfo) -> _Read:
        read.stages = self._stages.open(info)
        read.headers = [self._stages.header(stage, info) for stage in read.stages]
        return read

    def _unread(self, wanted: ImageRequest, error: Exception) -> _Read:
        if not isinstance(error, (SourceError, MissingExtra)):
            raise error
        return _Read(wanted, failure=str(error), killed=isinstance(error, ReaderKilled))

    def _known(self, wanted: ImageRequest) -> _Read | None:
        """Return a picture of which all was measured before, unless it is to be redone."""
        if wanted.content is None or self._redo:
            return None
        info = self._results.info(wanted.content, wanted.found.path)
        read = self._opened(_Read(wanted, info), info)
        if not all(self._series.state(header.key).complete for header in read.headers):
            return None
        for header, stage in zip(read.headers, read.stages, strict=True):
            read.values.append(self._series.whole(header.key, len(stage.columns)).values)
        return read

    def _read(self, wanted: ImageRequest) -> _Read:
        known = self._known(wanted)
        if known is not None:
            return known
        try:
            with self._pool.lend() as reader:
                probed = reader.probe(
                    wanted.found.path, luma=bool(self._spec.screening_stages), colour=self._colour
                )
        except (SourceError, MissingExtra) as error:
            return self._unread(wanted, error)
        read = _Read(wanted, probed.info, fresh=True, colour=probed.colour)
        if read.is_picture and probed.picture is not None:
            read = self._opened(read, probed.info)
            read.values = measured(read.stages, probed.picture)
        return read

    def _remember(self, read: list[_Read]) -> None:
        """Keep what was read and measured, and that it was."""
        fresh = [(each, each.info) for each in read if each.fresh and each.info is not None]
        self._results.remember((info, each.wanted.found.mtime_ns) for each, info in fresh)
        self._series.keep_whole(
            (header, part_of(values))
            for each, _ in fresh
            for header, values in zip(each.headers, each.values, strict=True)
        )
        for each in read:
            each.fresh = False

    def _shown(self, read: list[_Read]) -> list[LazyFrame]:
        """Return the pictures that go to models, identified by their contents."""
        if self._runner is None:
            return []
        return [
            shown(each.info, 0, 0.0, self._decode(each), self._spec, self._frames,
                  self._gate.of_picture(each.info, series_of(each.stages, each.values)))
            for each in read
            if each.info is not None and each.is_picture
        ]  # fmt: skip

    def _decode(self, read: _Read) -> partial[Pixels]:
        return partial(self._pixels, read)

    def _pixels(self, read: _Read) -> Pixels:
        if read.colour is not None:
            return read.colour
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
        self._remember(read)
        results = {
            each.info.content: self._judged(each, each.info, said)
            for each in read
            if each.info is not None and each.is_picture
        }
        self._results.keep(results.values())
        return [_done(each, results) for each in read]

    def _judged(self, read: _Read, info: SourceInfo, said: dict[str, PriorAnswers]) -> Result:
        answers = None
        if self._runner is not None:
            notes = [note for notes in said[info.content].values() for note in notes]
            answers = ModelAnswers(1, notes, self._runner.asked)
        proposed = decided(read.stages, read.values)
        return self._judge.result(info, read.headers, proposed, {}, answers)


def _done(read: _Read, results: dict[str, Result]) -> ImageResult:
    found = read.wanted.found
    if read.info is None:
        return ImageResult(found, None, None, read.failure, read.killed)
    result = results.get(read.info.content)
    return ImageResult(found, read.info, result, result.failure if result else "")
