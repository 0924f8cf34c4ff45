"""Frames of a video for model stages: which ones, and decoding them once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..config.screening_settings import Sampling
from ..config.spec import Spec, tagged_hash, without_defaults
from ..config.stages import declaration
from ..models.protocols import Pixels
from ..records import ColourBatch, SourceInfo
from ..sources.colour import rough_size, shown_size
from ..sources.reader import Colour, Reader
from ..sources.region_mask import blacked_out, has_regions
from ..stores.answers import AnswerStore, FrameStore
from .stage import LazyFrame, Microbatch

SIDE_OF_VECTORS = 640
SIDE_OF_LOOKS = 1024
"""longest side of a frame, where the profile names none: embedders see less than detectors"""


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """Where the JPEG of one frame is kept."""

    frames: FrameStore
    content: str
    frame: int
    side: int
    most_bytes: int

    def get(self) -> bytes | None:
        """Return it, if it was kept."""
        return self.frames.get(self.content, self.frame, self.side)

    def put(self, jpeg: bytes) -> None:
        """Keep it."""
        self.frames.put(self.content, self.frame, self.side, jpeg, self.most_bytes)


def longest_side(spec: Spec) -> int:
    """Return the longest side frames are shown at; 0 shows them whole."""
    if spec.models.no_resize:
        return 0
    if spec.models.image_size:
        return spec.models.image_size
    return SIDE_OF_VECTORS if _only_embedders(spec) else SIDE_OF_LOOKS


def roughly(spec: Spec) -> bool:
    """Return whether pictures need only be as large as embedders see them: see `rough_size`."""
    sized = spec.models.no_resize or spec.models.image_size
    same = all(_takes_the_followed_model(spec, name) for name in spec.model_stages)
    return not sized and _only_embedders(spec) and same


def _only_embedders(spec: Spec) -> bool:
    """Return whether every stage can do with an embedder."""
    return all("embedder" in declaration(name).accepts for name in spec.model_stages)


def _takes_the_followed_model(spec: Spec, stage: str) -> bool:
    """Return whether a stage uses the model of the one it follows, if it follows one."""
    followed = declaration(stage).follows
    model = getattr(spec.section(stage), "model", "")
    return not followed or model in ("", getattr(spec.section(followed), "model", ""))


def colour_of(spec: Spec) -> Colour:
    """Return how pictures are read for models."""
    return "roughly" if roughly(spec) else longest_side(spec)


def size_shown(spec: Spec) -> dict[str, Any]:
    """Return what of a question to an embedder says how large frames and pictures are."""
    return {"side": longest_side(spec), "pictures": colour_of(spec)}


def sampling_of_looks(spec: Spec) -> Sampling:
    """Return which frames models are shown: as sampled; beside screening, `fps` a second."""
    if spec.sampling.mode != "every":
        return spec.sampling
    return spec.sampling.model_copy(update={"mode": "fps"})


def frames_at_once(spec: Spec) -> int:
    """Return how many frames of a video a microbatch has: whole questions of `vlm.packing` each.

    So what a question shows does not depend on `models.batch_size`.
    """
    packing = spec.vlm.packing
    return -(-spec.models.batch_size // packing) * packing


def kept_frames(spec: Spec, frames: FrameStore) -> FrameStore | None:
    """Return where frames are kept, if this spec keeps any: only VLMs are asked time and again."""
    only_vlm = any(declaration(name).accepts == ("vlm",) for name in spec.model_stages)
    if spec.models.keep_frames_mib and only_vlm:
        return frames
    return None


@dataclass
class VideoFrames:
    """The frames of one video that models are shown, as microbatches.

    Frames whose numbers and times are known from an earlier scan are decoded only if a stage
    wants their pixels; else the video is read through once. `ended` says how that ended.
    """

    reader: Reader
    info: SourceInfo
    spec: Spec
    annotations: AnswerStore
    frames: FrameStore | None
    gated: Callable[[int], dict[str, str]] = lambda _frame: {}
    ended: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def batches(self) -> Iterator[Microbatch]:
        """Yield the microbatches. Raises SourceError."""
        sampling = sampling_of_looks(self.spec)
        key = self._key(sampling)
        numbers, seconds, ended = self.annotations.sampled(key)
        if len(numbers):
            self.ended, self.count = ended, len(numbers)
            known = list(zip(numbers.tolist(), seconds.tolist(), strict=True))
            yield from self._from_times(known)
            return
        read: list[tuple[int, float]] = []
        yield from self._read_through(sampling, read)
        self.annotations.keep_sampled(key, self.info.content, read, self.ended)

    def _key(self, sampling: Sampling) -> str:
        """Return what the numbers and times of sampled frames are kept under."""
        settings = without_defaults(sampling.model_dump(mode="json", exclude={"reader", "stream"}))
        timing = [self.info.timing] if self.info.timing else []
        return tagged_hash("sampled", [self.info.content, settings, *timing])

    def _read_through(
        self, sampling: Sampling, read: list[tuple[int, float]]
    ) -> Iterator[Microbatch]:
        size = frames_at_once(self.spec)
        sampling = sampling.model_copy(update={"stream": self.info.asked_stream})
        items = self.reader.colour(self.info.path, sampling, size, longest_side(self.spec))
        with closing(items):
            for item in items:
                if isinstance(item, ColourBatch):
                    times = zip(item.indices.tolist(), item.pts_seconds.tolist(), strict=True)
                    read += times
                    self.count = len(read)
                    first = len(read) - len(item)
                    yield Microbatch([self._decoded(item, row, first) for row in range(len(item))])
                else:
                    self.ended |= item.facts()

    def _from_times(self, known: list[tuple[int, float]]) -> Iterator[Microbatch]:
        size = frames_at_once(self.spec)
        for start in range(0, len(known), size):
            part = known[start : start + size]
            pixels: dict[float, Pixels] = {}
            times = [seconds for _, seconds in part]
            yield Microbatch(
                [
                    self._shown(
                        frame, seconds, partial(self._lazily, times, pixels, seconds), place
                    )
                    for place, (frame, seconds) in enumerate(part, start)
                ]
            )

    def _lazily(self, times: list[float], pixels: dict[float, Pixels], seconds: float) -> Pixels:
        """Decode the whole microbatch when the first of its frames is wanted."""
        with self._lock:  # a reader answers one request at a time
            if not pixels:
                side = longest_side(self.spec)
                pixels.update(dict(self.reader.shown(self.info, times, side)))  # all or none
        return pixels[seconds]

    def _decoded(self, batch: ColourBatch, row: int, first: int) -> LazyFrame:
        number, seconds = int(batch.indices[row]), float(batch.pts_seconds[row])
        return self._shown(number, seconds, lambda: batch.rgb[row], first + row)

    def _shown(self, frame: int, seconds: float, decode: Any, place: int) -> LazyFrame:
        gated = self.gated(frame)
        return shown(self.info, frame, seconds, decode, self.spec, self.frames, gated, place)


def shown(
    info: SourceInfo, frame: int, seconds: float, decode: Any, spec: Spec,
    frames: FrameStore | None, gated: Mapping[str, str] | None = None, place: int | None = None,
) -> LazyFrame:  # fmt: skip
    """Return a frame of a source as it is shown; `gated` and `place` are those of `LazyFrame`."""
    side = longest_side(spec)
    size = info.width, info.height
    rough = info.kind == "picture" and roughly(spec)
    width, height = rough_size(*size) if rough else shown_size(*size, side)
    scale = max(info.width, info.height) / max(width, height)
    most = spec.models.keep_frames_mib * 2**20
    kept = KeptFrame(frames, _kept_as(info, spec), frame, side, most) if frames else None

    def inside() -> Pixels:
        return blacked_out(decode(), spec.regions, size)

    conversion = conversion_of(info, spec)
    return LazyFrame(info.content, frame, seconds, scale, inside, kept, conversion, gated, place)


def conversion_of(info: SourceInfo, spec: Spec) -> str:
    """Return what is done to a source's pixels before a model sees them, regions among it."""
    if not has_regions(spec.regions):
        return info.pixels
    inside = f"inside {tagged_hash('regions', spec.regions.identity())}"
    return "; ".join(filter(None, (info.pixels, inside)))


def _kept_as(info: SourceInfo, spec: Spec) -> str:
    """Return under what a source's frames are kept: another name for other pixels."""
    conversion = conversion_of(info, spec)
    return f"{info.content}.{tagged_hash('pixels', conversion)}" if conversion else info.content
