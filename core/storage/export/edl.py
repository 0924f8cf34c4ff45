"""`edl`: a CMX3600 cut list of a source's events, each with its lead-in and run-out.

Timecodes count real time at the rate that a comment states (see `timecode.timecode_rate`), from
the source's start timecode where the camera embedded one, else from zero. More than 999 events,
beyond what CMX3600 foresaw, take four digits. Comments follow a cut only: readers such as
OpenTimelineIO's refuse one before the first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import PurePath

from ...records import Event, SourceInfo
from ...text import clean
from .cues import caption
from .document import Document
from .format import Format
from .parts import OutputFiles, Parts
from .timecode import (
    ASSUMED_RATE,
    TimecodeRate,
    frames_to_timecode,
    seconds_to_frames,
    timecode_rate,
    timecode_to_frames,
)

_TITLE_LENGTH = 70


@dataclass(frozen=True, slots=True)
class _Clock:
    """How a source's timecodes count: from which label on, and what has to be said about it."""

    count: TimecodeRate
    first: int
    remarks: tuple[str, ...]


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.edl`, in ASCII, with drop-frame timecodes where the source counts so."""
    return {".edl": "\n".join(_lines(document)) + "\n"}


def start_timecode(info: SourceInfo) -> str:
    """Return the timecode of a source's first frame, or an empty string."""
    found = info.metadata.get("timecode")
    return found.strip() if isinstance(found, str) else ""


def _lines(document: Document) -> Iterator[str]:
    clock = _clock(document.source)
    name = ascii_name(PurePath(document.source.path).name)
    yield f"TITLE: {name[:_TITLE_LENGTH].rstrip()}"
    yield f"FCM: {'DROP FRAME' if clock.count.drop else 'NON-DROP FRAME'}"
    recorded = 0
    for place, moment in enumerate(document.moments, 1):
        first, end = _frames(moment, clock)
        yield ""
        yield _cut(place, (first, end, recorded, recorded + end - first), clock.count)
        yield f"* FROM CLIP NAME: {name}"
        yield f"* COMMENT: {ascii_name(caption(moment))}"
        if judgement := document.event_judgements.get(moment.number):
            yield f"* JUDGEMENT: {judgement}"
        yield _handles(moment)
        yield f"* FRAME RATE: {clock.count}"
        yield from (f"* {remark}" for remark in clock.remarks)
        recorded += end - first


def _clock(info: SourceInfo) -> _Clock:
    start = start_timecode(info)
    count = timecode_rate(info.frame_rate, start)
    remarks = [_about_rate(info.frame_rate, count)]
    first = 0
    if start:
        try:
            first = timecode_to_frames(start if count.drop else start.replace(";", ":"), count)
            remarks.append(f"START TIMECODE: {frames_to_timecode(first, count)}")
        except ValueError:
            remarks.append(f"START TIMECODE {ascii_name(start)} NOT COUNTED AT THIS RATE, LEFT OUT")
    return _Clock(count, first, tuple(remark for remark in remarks if remark))


def _about_rate(rate: float | None, count: TimecodeRate) -> str:
    if rate is None or not isfinite(rate) or rate <= 0:
        return f"FRAME RATE UNKNOWN, {ASSUMED_RATE:.0f} ASSUMED"
    if abs(rate - count.rate) > 0.01:
        return f"SOURCE HAS {rate:.3f} FRAMES A SECOND ON AVERAGE, COUNTED IN REAL TIME"
    return ""


def _frames(moment: Event, clock: _Clock) -> tuple[int, int]:
    """First frame of the clip and the one after its last; at least one frame long."""
    first = clock.first + seconds_to_frames(moment.clip_start_seconds, clock.count)
    end = clock.first + seconds_to_frames(moment.clip_end_seconds, clock.count)
    return first, max(end, first + 1)


def _cut(place: int, frames: tuple[int, int, int, int], count: TimecodeRate) -> str:
    codes = " ".join(frames_to_timecode(frame, count) for frame in frames)
    return f"{place:03d}  {'AX':<8} {'V':<5} {'C':<8} {codes}"


def _handles(moment: Event) -> str:
    """Say how much of the clip lies before and after the event, so that this can be read back."""
    lead = max(0.0, moment.start_seconds - max(0.0, moment.clip_start_seconds))
    rest = max(0.0, moment.clip_end_seconds - moment.end_seconds)
    lead, rest = (each if isfinite(each) else 0.0 for each in (lead, rest))
    return f"* HANDLES: {lead:.6f} BEFORE {rest:.6f} AFTER, IN SECONDS"


def ascii_name(text: str) -> str:
    """Return `text` in ASCII on one line: accents dropped, all else foreign an underscore."""
    folded = unicodedata.normalize("NFKD", clean(text))
    kept = "".join(char for char in folded if not unicodedata.combining(char))
    shown = kept.encode("ascii", "replace").decode("ascii").replace("?", "_").strip()
    return shown or "untitled"


FORMAT = Format(
    "edl",
    ".edl",
    "source",
    "CMX3600 cut list of the events' clips, for editors",
    render,
    candidates=False,
    holds=lambda document: bool(document.moments),
    contains="events",
)
