"""Writing one stretch of a video as a file of its own. Runs inside the reader process.

A clip is MP4 and shows the frames of its stretch, at their times, the first at 0; with all sound
tracks, and with the source's pixel aspect, rotation and colour tags. Its picture is copied where it
can be, else re-encoded (see `clip_copy` and `clip_encode`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from ..errors import Unreadable
from .clip_copy import copied, holds_time, refusal
from .clip_encode import encode
from .clip_stretch import ClipRange, Mark, marked
from .container import Choice
from .orientation import StreamOrientation
from .seek import decode_near
from .video import Decoded, Stream, open_again, open_video, seconds_of

ALIKE_SECONDS = 1e-9
SAME_SECONDS = 1e-6
"""what subtracting times may cost: 1.36 - 1.0 is more than 0.36"""


@dataclass(frozen=True, slots=True)
class Clipped:
    """How a clip's picture was made, and why it was not copied or what its sound lacks."""

    how: Literal["copied", "re-encoded"]
    note: str = ""


def write_clip(
    path: str,
    start: float,
    end: float,
    out: str,
    threads: int,
    beat: Callable[[], None],
    choice: Choice | None = None,
) -> Clipped:
    """Write the frames from `start` to `end` (seconds) of a video as MP4.

    Raises Unreadable, and leaves no file, when there is no frame in between.
    """
    try:
        with open_video(path, threads, beat, choice) as stream:
            return _written(stream, start, end, out)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(out)
        raise


def _written(stream: Stream, start: float, end: float, out: str) -> Clipped:
    stretch = _stretch(stream, start, end)
    if stretch is None:
        raise Unreadable(f"holds no frame from {start:g} s to {end:g} s")
    sound: list[str] = []
    why = refusal(stream, stretch) or copied(stream, stretch, out, sound)
    if not why:
        return Clipped("copied", "; ".join(sound))
    sound.clear()
    with open_again(stream, stream.threads) as fresh:
        used = encode(fresh, _between(fresh, start, end), stretch, out, sound)
    return Clipped("re-encoded", "; ".join([f"{used}: {why}", *sound]))


def _stretch(stream: Stream, start: float, end: float) -> ClipRange | None:
    marks: list[Mark] = []
    raw, one_clock, mirrored = seconds_of(stream), True, False
    turned = StreamOrientation()
    for item in _between(stream, start, end):
        own = item.frame.pts
        one_clock &= own is not None and abs(raw(own) - item.seconds) < ALIKE_SECONDS
        mirrored = mirrored or turned.of(item.frame).mirrored
        marks.append(marked(item))
    if not marks:
        return None
    return ClipRange(tuple(marks), one_clock and holds_time(stream, marks[0]), mirrored)


def _between(stream: Stream, start: float, end: float) -> Iterator[Decoded]:
    for item in decode_near(stream, start):
        if item.seconds > end + SAME_SECONDS:
            return
        if item.seconds >= start - SAME_SECONDS:
            yield item
