"""What containers say about a video stream, and how far that can be believed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..text import counted
from .clock import STREAM_FORMATS
from .container import Choice, film_streams, is_raw, tagged_duration

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

USUAL_RATE = 25.0
"""FFmpeg's rate of streams that name none"""
TIMING = 1
"""Raise it when frames of these files are timed or chosen otherwise than before: their
measurements are then made again. 0 stands for what never changed."""
# Their headers state the length of each stream, and not of the longest or of the whole file.
_EXACT_FORMATS = frozenset(("mov", "avi", "mxf", "nut", "ogg"))
_TIMECODE = re.compile(r"\d{2}:\d{2}:\d{2}[:;.,]\d{2,3}")


def rate_of(container: InputContainer, video: VideoStream, choice: Choice) -> float:
    """Return the frames a second of a stream; where it says nothing, 25.

    Elementary streams have no container to say it: the rate asked for counts, else that of the
    stream's own parameter sets.
    """
    if is_raw(container):
        return choice.raw_rate or float(video.guessed_rate or video.average_rate or USUAL_RATE)
    return float(video.average_rate or USUAL_RATE)


def known_rate(container: InputContainer, video: VideoStream, choice: Choice) -> float | None:
    """Return the frames a second, or None where neither stream nor container says them."""
    if is_raw(container) or video.average_rate:
        return rate_of(container, video, choice)
    return None


def own_end_seconds(container: InputContainer, video: VideoStream) -> float | None:
    """Return when the video itself ends, on the container's clock; None where nothing says so.

    A whole file's duration is its sound's as well: it counts only where there is no sound.
    """
    names = container.format.name.split(",")
    if "matroska" in names:
        tagged, whole = tagged_duration(video), _file_end_seconds(container)
        if tagged is not None:
            # The tag of a recording that was shortened may be kept as it was.
            return tagged if whole is None else min(tagged, whole)
    if _EXACT_FORMATS.intersection(names) and video.duration and video.time_base:
        return float((video.duration + (video.start_time or 0)) * video.time_base)
    return None if len(container.streams) > 1 else _file_end_seconds(container)


def duration_seconds(container: InputContainer, video: VideoStream, origin: float) -> float | None:
    """Return when the video ends, in seconds since the container's start, or None."""
    end = own_end_seconds(container, video)
    if end is None and video.duration and video.time_base:
        end = float((video.duration + (video.start_time or 0)) * video.time_base)
    if end is None:
        end = _file_end_seconds(container)
    return None if end is None else max(end - origin, 0.0)


def frames_promised(
    container: InputContainer, video: VideoStream, seconds: float | None, rate: float | None
) -> int | None:
    """Return how many frames are shown: those an index lists, less those an edit list hides."""
    if video.frames and "mov" in container.format.name.split(","):
        shown = sum(not entry.is_discard for entry in video.index_entries)
        return shown or video.frames
    return video.frames or (round(seconds * rate) if seconds and rate else None)


def stream_number(container: InputContainer, video: VideoStream) -> int:
    """Return the number of a stream among the video streams, from 0."""
    indices = [stream.index for stream in film_streams(container)]
    return indices.index(video.index)


def timing_of(container: InputContainer, video: VideoStream) -> int:
    """Return the version of how frames are timed and chosen, 0 where that never changed."""
    best: Any = container.streams.best("video")
    other = best is None or best.index != video.index
    changed = other or container.format.name in STREAM_FORMATS or is_raw(container)
    return TIMING if changed else 0


def start_timecode(container: InputContainer, video: VideoStream) -> dict[str, Any]:
    """Return the timecode of the first frame as the file states it, and whether frames are dropped.

    It stands with the stream, the container or a timecode track; `;` before the frames marks
    drop-frame counting (SMPTE ST 12-1).
    """
    places = [video.metadata, container.metadata, *(s.metadata for s in container.streams)]
    for place in places:
        for name, text in place.items():
            if name.lower() == "timecode" and _TIMECODE.fullmatch(text.strip()):
                code = text.strip()
                return {"timecode": code, "timecode_drop_frame": ";" in code}
    return {}


def not_looked_at(container: InputContainer, choice: Choice) -> tuple[str, ...]:
    """Return a warning where a file holds more video streams than are read."""
    count = len(film_streams(container))
    if count < 2 or choice.stream is not None:
        return ()
    left = counted(count - 1, "video stream was", "video streams were")
    return (f"{left} not read, of {count}; set sampling.stream to the number of one, or 'all'",)


def _file_end_seconds(container: InputContainer) -> float | None:
    if container.duration is None or container.duration <= 0:
        return None
    return (container.duration + (container.start_time or 0)) / 1_000_000
