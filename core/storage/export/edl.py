"""`edl`: a CMX3600 cut list of a source's events, each with its padding.

Timecodes count frames from the source's first one; a start timecode that the camera embedded is
not added. More than 999 events, beyond what CMX3600 foresaw, take four digits.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from math import isfinite
from pathlib import PurePath

from ...records import Moment
from ...text import clean
from .cues import caption
from .document import Document
from .parts import Beside, Parts
from .timecode import frame_clock

ASSUMED_RATE = 25.0
"""frames a second, where the source does not say"""
_TITLE_LENGTH = 70


def render(document: Document, beside: Beside) -> Parts:
    """Return `.edl`, in ASCII, non-drop at the rounded frame rate."""
    return {".edl": "\n".join(_lines(document)) + "\n"}


def _lines(document: Document) -> Iterator[str]:
    known = document.source.frame_rate
    rate = known if known and isfinite(known) and known > 0 else None
    name = ascii_name(PurePath(document.source.path).name)
    yield f"TITLE: {name[:_TITLE_LENGTH]}"
    yield "FCM: NON-DROP FRAME"
    if rate is None and document.moments:
        yield f"* FRAME RATE UNKNOWN, {ASSUMED_RATE:.0f} ASSUMED"
    recorded = 0
    for place, moment in enumerate(document.moments, 1):
        first, end = _frames(moment, rate or ASSUMED_RATE)
        nominal = max(1, round(rate or ASSUMED_RATE))
        yield ""
        yield _cut(place, (first, end, recorded, recorded + end - first), nominal)
        yield f"* FROM CLIP NAME: {name}"
        yield f"* COMMENT: {ascii_name(caption(moment))}"
        recorded += end - first


def _frames(moment: Moment, rate: float) -> tuple[int, int]:
    """First frame of the clip and the one after its last; at least one frame long.

    Counted at the true rate: at 29.97 a second holds 29.97 frames though the label says 30.
    """
    first, end = (
        max(0, round(each * rate)) if isfinite(each) else 0
        for each in (moment.clip_start_seconds, moment.clip_end_seconds)
    )
    return first, max(end, first + 1)


def _cut(place: int, frames: tuple[int, int, int, int], rate: int) -> str:
    codes = " ".join(frame_clock(frame, rate) for frame in frames)
    return f"{place:03d}  {'AX':<8} {'V':<5} {'C':<8} {codes}"


def ascii_name(text: str) -> str:
    """Return `text` in ASCII on one line: accents dropped, all else foreign an underscore."""
    folded = unicodedata.normalize("NFKD", clean(text))
    kept = "".join(char for char in folded if not unicodedata.combining(char))
    shown = kept.encode("ascii", "replace").decode("ascii").replace("?", "_").strip()
    return shown or "untitled"
