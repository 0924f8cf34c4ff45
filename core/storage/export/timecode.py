"""Seconds as people, players and editors write them."""

from __future__ import annotations

from math import isfinite

DAY_HOURS = 24


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


def frame_clock(frame: int, rate: int) -> str:
    """Return the non-drop `HH:MM:SS:FF` of a frame at `rate` frames a second.

    Like every timecode it starts again at 00:00:00:00 after 24 hours. From 101 frames a second
    on, FF takes three digits where it must.
    """
    seconds, frames = divmod(frame, rate)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % DAY_HOURS:02d}:{minutes:02d}:{seconds:02d}:{frames:02d}"
