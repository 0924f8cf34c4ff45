"""Pictures of instants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...times import WrittenTime
from ..request import Streamed

CHUNK_BYTES = 48 * 1024
"""of a picture, in one part of a streamed reply"""
MOST_STILL_PIXELS = 8192
START = WrittenTime(0.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as JPEG."""

    jpeg: bytes


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
