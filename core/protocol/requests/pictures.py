"""Pictures of instants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...times import WrittenTime
from ..request import Streamed

CHUNK_BYTES = 48 * 1024
"""of a picture, in one part of a streamed reply"""
MOST_STILL_PIXELS = 8192
MOST_STILLS = 64
START = WrittenTime(0.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as JPEG."""

    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures as JPEG, one for each time that was asked for."""

    jpegs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PicturePart:
    """A piece of the picture for the time `number`, from 0; pieces come in order."""

    number: int
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class GetStills(Streamed[PicturePart, Pictures], right="read", heavy=True):
    """Several instants of a source as pictures, read in one pass; times may be in any order.

    Each is the frame on screen at that time. `crop` is x, y, width and height in pixels of the
    upright source; `longest_side` is then that of the part, which is not made larger than it is.
    """

    path: str
    seconds: tuple[float, ...]
    longest_side: int = 1920
    crop: tuple[int, int, int, int] | None = None

    @classmethod
    def gathered(cls, parts: Sequence[PicturePart]) -> Pictures:
        """Return the complete pictures."""
        count = max((part.number for part in parts), default=-1) + 1
        pieces: list[list[bytes]] = [[] for _ in range(count)]
        for part in parts:
            pieces[part.number].append(part.jpeg)
        return Pictures(tuple(b"".join(each) for each in pieces))


@dataclass(frozen=True, slots=True)
class GetStill(Streamed[bytes, Picture], right="read", heavy=True):
    """An instant of a source as a picture, read from its file; parts are pieces of the JPEG.

    With `content` and `when.scan`, as a listed result has them, `when.seconds` is the exact time of
    a frame, and nothing is looked for in the library.
    """

    path: str
    when: WrittenTime = START
    longest_side: int = 1920
    content: str = ""

    @classmethod
    def gathered(cls, parts: Sequence[bytes]) -> Picture:
        """Return the complete picture."""
        return Picture(b"".join(parts))
