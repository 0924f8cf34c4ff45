"""Times as people read and write them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .timecodes import is_timecode

PRINTED_DECIMALS = 3
"""times are printed to the millisecond: see `timecode`"""
EXACT_SECONDS = 1e-6
"""two times nearer than this are the same: what adding and rounding floats may cost"""
_TIME = re.compile(r"(?:(?:(\d{1,6}):)?(\d{1,6}):)?(\d{1,9})(?:[.,](\d{1,32}))?", re.ASCII)
_REFERENCE = re.compile(
    r"\(frame (\d{1,15})(?:, stream (\d{1,9}))?, scan (\d{1,15})\)\s*$", re.ASCII
)


def timecode(seconds: float) -> str:
    """Return seconds as HH:MM:SS.mmm."""
    sign = "-" if seconds < 0 else ""
    milliseconds = round(abs(seconds) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def duration(seconds: float) -> str:
    """Return a length of time as a person says it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def parse_time(text: str) -> float:
    """Return seconds from `83.5`, `1:23.5` or `00:01:23.500`.

    Raises ValueError, also for a timecode: without a frame rate it is no number of seconds.
    """
    written = parse_written(text)
    if written.timecode:
        raise ValueError(f"'{text}' is a timecode; its time depends on the frame rate")
    return written.seconds


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """A time as typed or pasted.

    A time of so many decimals stands for every time that is printed so: those at most
    `tolerance_seconds` away from `seconds`. With a `timecode`, `seconds` are not known before the
    source's rate is. `scan`, `frame` and `stream` are those of the line that was pasted.
    """

    seconds: float
    tolerance_seconds: float = EXACT_SECONDS
    timecode: str = ""
    scan: int | None = None
    frame: int | None = None
    stream: int | None = None


def parse_written(text: str) -> WrittenTime:
    """Return what `83.5`, `1:23.5`, `00:01:23.500` or the timecode `00:01:23:15` stands for.

    A comma may stand for the decimal point, as in subtitles. Raises ValueError.
    """
    if is_timecode(text):
        return WrittenTime(0.0, timecode=text)
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is not a time")
    hours, minutes, seconds = (int(part or 0) for part in found.group(1, 2, 3))
    if (found[2] is not None and seconds > 59) or (found[1] is not None and minutes > 59):
        raise ValueError(f"'{text}' is not a time: a minute has 60 seconds, an hour 60 minutes")
    decimals = found[4] or ""
    whole = (hours * 60 + minutes) * 60 + seconds
    tolerance = 0.5 * 10.0 ** -max(len(decimals), PRINTED_DECIMALS)
    return WrittenTime(float(f"{whole}.{decimals or 0}"), tolerance + EXACT_SECONDS)


def reference(frame: int, scan: int, stream: int | None = None) -> str:
    """Return what a printed line says of where it comes from: see `with_reference`.

    `stream` is that of the video stream, where one was asked for by number.
    """
    of = "" if stream is None else f", stream {stream}"
    return f"(frame {frame}{of}, scan {scan})"


def with_reference(when: WrittenTime, line: str) -> WrittenTime:
    """Return a time with frame, stream and scan as the end of a printed line states them."""
    found = _REFERENCE.search(line)
    if found is None:
        return when
    stream = int(found[2]) if found[2] else None
    return replace(when, frame=int(found[1]), stream=stream, scan=int(found[3]))
