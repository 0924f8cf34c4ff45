"""What is known about sources and frames: plain frozen records, shared by every room."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SourceKind = Literal["video", "picture"]
PICTURE_READING = 2
"""raise it when pictures are read differently: those read before are read once more, and what was
kept of one stays as long as its content's identity does (see `content_as_read`)"""
_AS_READ_NOW = ".2:"
"""stands before the digest of pictures that an earlier version read with other pixels"""
Region = tuple[int, int, int, int]
"""x, y, width, height in pixels of the upright source."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a probe found in one file. `width` and `height` are those of the upright picture."""

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
    reading: int = 0
    """of pictures: by which version of reading them this was found out, see `PICTURE_READING`"""


@dataclass(frozen=True, slots=True)
class LumaBatch:
    """Consecutive reduced frames of one source.

    `luma` is uint8 of shape (frames, height, width); one luma pixel stands for a square of
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

    `rgb` is uint8 of shape (frames, height, width, 3); one pixel stands for a square of `scale`
    source pixels. `indices` and `pts_seconds` are as in `LumaBatch`.
    """

    indices: NDArray[np.int64]
    pts_seconds: NDArray[np.float64]
    rgb: NDArray[np.uint8]
    scale: float

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A window of frames that a stage proposes, accepted or not."""

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
    """what verifying it came to; empty where nobody verified"""


@dataclass(frozen=True, slots=True)
class Moment:
    """An accepted stretch of a source, made of one or more candidates (an event of the export).

    `clip_start_seconds` and `clip_end_seconds` include the padding asked for.
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
    """the best verdict of its candidates; empty where nobody verified"""


@dataclass(frozen=True, slots=True)
class Box:
    """Something found in a picture: corner and size in that picture's pixels, score 0 to 1."""

    label: str
    score: float
    x: float
    y: float
    width: float
    height: float


def content_as_read(content: str, *, differs: bool) -> str:
    """Return a content's identity where the way a file is read belongs to it.

    What was measured of and said about a picture is kept by its content. Where its pixels are not
    those that an earlier version read from the same file, it goes by a name of its own.
    """
    return content.replace(":", _AS_READ_NOW, 1) if differs else content


def of_the_file(content: str) -> str:
    """Return the part of an identity that tells the file's bytes: what `content_hash` returned."""
    return content.replace(_AS_READ_NOW, ":", 1)
