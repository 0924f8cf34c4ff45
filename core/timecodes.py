"""Timecodes as editors write them, from frames and seconds and back.

A timecode `HH:MM:SS:FF` labels frames at a whole, nominal rate. Where the true rate is 1000/1001
of that (29.97, 59.94), drop-frame labels leave out numbers so as to stay with the clock: at 30 the
labels 00 and 01 of every minute but each tenth, at 60 the labels 00 to 03. Source: SMPTE 12M
(today ST 12-1), as explained on dropframetimecode.org, read in November 2026; the tests hold the
labels against OpenTimelineIO's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isfinite

ASSUMED_RATE = 25.0
"""frames a second, where a source does not say"""
RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "48000/1001",
                                "48", "50", "60000/1001", "60")
)  # fmt: skip
"""rates that SMPTE timecode counts in, and that readers of EDLs know"""
_TOLERANCE = 0.0004
"""a rate read from a container is this near to what it stands for; 29.97 and 30 lie 0.001 apart"""
_LABEL = re.compile(r"(\d{1,3}):(\d{2}):(\d{2})([:;])(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TimecodeRate:
    """How timecodes count: `rate` frames a second, labelled with or without dropped numbers."""

    rate: Fraction
    drop: bool = False

    @property
    def nominal(self) -> int:
        """Labels a second: the rate, rounded."""
        return round(self.rate)

    @property
    def dropped(self) -> int:
        """Labels left out at the start of every minute but each tenth."""
        return 2 * (self.nominal // 30) if self.drop else 0

    def __str__(self) -> str:
        mode = "DROP FRAME" if self.drop else "NON-DROP FRAME"
        return f"{float(self.rate):.3f}".rstrip("0").rstrip(".") + f" {mode}"


def timecode_rate(frame_rate: float | None, start_timecode: str = "") -> TimecodeRate:
    """Return how to count the timecodes of a source with `frame_rate` frames a second on average.

    A rate that timecode knows is taken as it is; a slower one that divides such a rate is counted
    in that (15 in 30), a faster one in a rate that divides it (120 in 60). All others, as of most
    sources with a variable rate, are counted in the next higher whole rate. In each case a label
    stands for a time, never for the number of a frame in its file. 29.97 and 59.94 drop labels,
    unless the source's own start timecode is written without a semicolon.
    """
    rate = _standard(frame_rate) if frame_rate and isfinite(frame_rate) and frame_rate > 0 else None
    counted = rate or Fraction(ASSUMED_RATE)
    may_drop = counted.denominator != 1 and round(counted) % 30 == 0
    return TimecodeRate(counted, may_drop and (not start_timecode or ";" in start_timecode))


def written_rate(text: str, count: TimecodeRate, start_timecode: str = "") -> TimecodeRate:
    """Return how a written timecode counts, of a source that counts so.

    Without a start timecode the sign before the frames says it, as SMPTE writes them: a colon
    drops no labels, a semicolon does. With one, the source's own way of counting holds.
    """
    if start_timecode or not count.drop:
        return count
    return replace(count, drop=";" in text)


def seconds_to_frames(seconds: float, count: TimecodeRate) -> int:
    """Return the label's number at a time, from 0 on; 0 for what is no number."""
    return max(0, round(seconds * count.rate)) if isfinite(seconds) else 0


def frames_to_seconds(frames: int, count: TimecodeRate) -> float:
    """Return the time of a label's number, in seconds."""
    return float(frames / count.rate)


def frames_to_timecode(frames: int, count: TimecodeRate) -> str:
    """Return `HH:MM:SS:FF`, or `HH:MM:SS;FF` with dropped labels.

    The hours count on beyond 23: a timecode that starts again would point at another place of the
    same source.
    """
    label = frames + _left_out_before(frames, count)
    seconds, rest = divmod(label, count.nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if count.drop else ':'}{rest:02d}"


def timecode_to_frames(text: str, count: TimecodeRate) -> int:
    """Return the number of a label, from 0 on.

    Either sign may come before the frames where labels are dropped, since many programs write a
    colon. Raises ValueError for what is not a timecode, or a label that is not counted at this
    rate.
    """
    found = _LABEL.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is not a timecode; write HH:MM:SS:FF")
    hours, minutes, seconds, frames = (int(found[group]) for group in (1, 2, 3, 5))
    if minutes > 59 or seconds > 59 or frames >= count.nominal:
        raise ValueError(f"'{text}' is not a timecode at {count}")
    if found[4] == ";" and not count.drop:
        raise ValueError(f"'{text}' is drop-frame, {count} is not")
    if frames < count.dropped and seconds == 0 and minutes % 10:
        raise ValueError(f"'{text}' is a label that drop-frame skips at {count}")
    minute = hours * 60 + minutes
    label = (minute * 60 + seconds) * count.nominal + frames
    return label - count.dropped * (minute - minute // 10)


def is_timecode(text: str) -> bool:
    """Return whether a text has the form of a timecode with frames."""
    return _LABEL.fullmatch(text.strip()) is not None


def _left_out_before(frames: int, count: TimecodeRate) -> int:
    """Return how many labels were left out before a frame."""
    if not count.drop:
        return 0
    minute = count.nominal * 60 - count.dropped
    tens, rest = divmod(frames, minute * 10 + count.dropped)
    # The first minute of ten keeps all its labels.
    later = max(0, (rest - count.dropped) // minute)
    return count.dropped * (9 * tens + later)


def _standard(rate: float) -> Fraction:
    for known in RATES:
        if _near(float(known), rate):
            return known
    if rate < RATES[0]:
        multiples = [known for known in RATES if _near(float(known), rate * round(known / rate))]
        if multiples:
            return multiples[0]
    parts = [known for known in RATES if _near(rate, float(known * round(rate / known)))]
    if rate > RATES[-1] and parts:
        return parts[-1]
    return next((known for known in RATES if known.denominator == 1 and known >= rate), RATES[-1])


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _TOLERANCE * other
