"""Seconds as people and players write them; timecodes of editors are in `core.timecodes`."""

from __future__ import annotations

from math import isfinite

from ...timecodes import (
    ASSUMED_RATE,
    RATES,
    TimecodeRate,
    frames_to_seconds,
    frames_to_timecode,
    is_timecode,
    seconds_to_frames,
    timecode_rate,
    timecode_to_frames,
)

__all__ = [
    "ASSUMED_RATE",
    "RATES",
    "TimecodeRate",
    "clock",
    "clock_of",
    "frames_to_seconds",
    "frames_to_timecode",
    "is_timecode",
    "milliseconds",
    "seconds_to_frames",
    "timecode_rate",
    "timecode_to_frames",
]


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds; never negative, and 0 for what is no number."""
    return max(0, round(seconds * 1000)) if isfinite(seconds) else 0


def clock(milliseconds: int, point: str = ".") -> str:
    """Return `HH:MM:SS.mmm`; the hours grow beyond two digits when they must."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{rest:03d}"


def clock_of(seconds: float) -> str:
    """Return `HH:MM:SS.mmm` of a time in seconds."""
    return clock(milliseconds(seconds))
