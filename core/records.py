"""What is known about sources and frames: plain frozen records, shared by every package."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SourceKind = Literal["video", "picture"]
_STREAM_MARK = ":v"
PICTURE_READING = 2
"""raise it when pictures are read differently: those read before are read once more, and what was
kept of one stays as long as its content's identity does (see `content_as_read`)"""
_AS_READ_NOW = ".2:"
"""stands before the digest of pictures that an earlier version read with other pixels"""
Region = tuple[int, int, int, int]
"""x, y, width, height in pixels of the upright source."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a probe found in one file. `width` and `height` are those of the upright picture.

    `duration_seconds` is when the last frame ends, on the clock of the frame times: counted from
    the container's start. `start_seconds` is what the container's own clock says there.
    """

    path: str
    kind: SourceKind
    content: str
    size_bytes: int
    width: int
    height: int
    container: str
    codec: str
    pixel_format: str = ""
    rotation_degrees: int = 0
    frame_rate: float | None = None
    frame_count: int | None = None
    duration_seconds: float | None = None
    start_seconds: float = 0.0
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    stream: int | None = None
    """which of the video streams it is about, from 0; None for pictures"""
    timing: int = 0
    """version of how its frames are timed and chosen; 0 where that never changed"""

    pixels: str = ""
    """what is done to its pixels beyond plain decoding; what was said of others does not hold"""

    reading: int = 0
    """of pictures: by which version of reading them this was found out, see `PICTURE_READING`"""

    @property
    def grid(self) -> str:
        """Return what of it changes how reduced luma lies in the picture; mostly nothing."""
        return next((each for each in self.pixels.split("; ") if each.startswith("turned")), "")

    @property
    def asked_stream(self) -> int | None:
        """Return the video stream that was asked for by number; None where the file chose it."""
        return asked_stream(self.content)


def content_of(content: str, stream: int | None) -> str:
    """Return what a video stream asked for by number is known by; None is the file's own choice."""
    whole = content.partition(_STREAM_MARK)[0]
    return whole if stream is None else f"{whole}{_STREAM_MARK}{stream}"


def asked_stream(content: str) -> int | None:
    """Return the number of the video stream that a content's identity names, if it does."""
    number = content.partition(_STREAM_MARK)[2]
    return int(number) if number else None


@dataclass(frozen=True, slots=True)
class LumaBatch:
    """Consecutive reduced frames of one source.

    `luma` is uint8 of shape (frames, height, width); one luma pixel covers a square of
    `scale` source pixels. `pts_seconds` is float64 of shape (frames,), counted from the
    source's first frame. `indices` is int64 of shape (frames,): the frame's number in the source.
    """

    indices: NDArray[np.int64]
    pts_seconds: NDArray[np.float64]
    luma: NDArray[np.uint8]
    scale: float

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, slots=True)
class ColourBatch:
    """Frames of one source as models are shown them.

    `rgb` is uint8 of shape (frames, height, width, 3); one pixel covers a square of `scale`
    source pixels. `indices` and `pts_seconds` are as in `LumaBatch`.
    """

    indices: NDArray[np.int64]
    pts_seconds: NDArray[np.float64]
    rgb: NDArray[np.uint8]
    scale: float

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, slots=True)
class Stroke:
    """One return stroke of a flash: the frame in which its light is greatest.

    `energy` is that of the frame, as in `Candidate`.
    """

    frame: int
    seconds: float
    energy: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A window of frames that a stage proposes, accepted or not.

    `score` lies between 0 and 1 and is accepted from `threshold` on. `energy` is the brightening
    in the peak frame, summed over cells, in luma levels per cell of a grid of 880 (flashes only).
    `facts` holds the ratios the score is made of.
    """

    stage: str
    kind: str
    start_frame: int
    peak_frame: int
    end_frame: int
    start_seconds: float
    peak_seconds: float
    end_seconds: float
    score: float
    threshold: float
    accepted: bool
    reason: str = ""
    region: Region | None = None
    facts: dict[str, float] = field(default_factory=dict)
    verdict: str = ""
    """what verifying it came to; empty if not verified"""
    energy: float = 0.0
    strokes: tuple[Stroke, ...] = ()
    """in order of time; empty for what is no flash"""


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted stretch of a source, made of one or more candidates (an event of the export).

    `clip_start_seconds` and `clip_end_seconds` include the padding asked for. `score` and
    `facts` are those of its best candidate, `energy` and the peak those of its brightest.
    """

    number: int
    kind: str
    start_frame: int
    peak_frame: int
    end_frame: int
    start_seconds: float
    peak_seconds: float
    end_seconds: float
    clip_start_seconds: float
    clip_end_seconds: float
    score: float
    candidates: int
    region: Region | None = None
    verdict: str = ""
    """the best verdict of its candidates; empty if not verified"""
    energy: float = 0.0
    strokes: tuple[Stroke, ...] = ()
    """those of all its candidates, in order of time"""
    facts: dict[str, float] = field(default_factory=dict)
    """the ratios of its best candidate"""


@dataclass(frozen=True, slots=True)
class Box:
    """Something found in a picture: corner and size in that picture's pixels, score 0 to 1."""

    label: str
    score: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box that a person drew on a frame: corner and size as shares of the picture, 0 to 1."""

    frame: int
    seconds: float
    label: str
    x: float
    y: float
    width: float
    height: float
    number: int = 0
    """by which it is erased"""


def as_fields(record: SourceInfo | Candidate | Event) -> dict[str, Any]:
    """Return the fields of a record as JSON takes them, as `asdict` does but faster.

    Many thousand records are kept one by one; of what they hold only strokes are records, too.
    """
    names = record.__dataclass_fields__
    body = {name: getattr(record, name) for name in names}
    if body.get("strokes"):
        body["strokes"] = [asdict(stroke) for stroke in body["strokes"]]
    return body


def content_as_read(content: str, *, differs: bool) -> str:
    """Return a content's identity where the way a file is read belongs to it.

    What was measured of and said about a picture is kept by its content. Where its pixels are not
    those that an earlier version read from the same file, it goes by a name of its own.
    """
    return content.replace(":", _AS_READ_NOW, 1) if differs else content


def of_the_file(content: str) -> str:
    """Return the part of an identity that is of the file's bytes: what `content_hash` returned."""
    return content.replace(_AS_READ_NOW, ":", 1)
