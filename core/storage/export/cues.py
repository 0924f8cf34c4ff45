"""The subtitle cues of a source's events, shared by `srt` and `vtt`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from ...records import Event
from ...text import clean, counted
from .document import Document
from .timecode import clock_of, milliseconds

MINIMUM_MS = 500
"""A flash lasts a frame or two; its cue stays long enough to be seen."""
_OURS = re.compile(r"^[^\n]* (\d+\.\d\d|\?) [^\n]*peak \d\d+:\d\d:\d\d\.\d{3}", re.MULTILINE)
_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Cue:
    """One line of subtitle; times in milliseconds from the source's first frame."""

    number: int
    start_ms: int
    end_ms: int
    text: str


def cues(document: Document) -> Iterator[Cue]:
    """Give one cue per event in order of start, as players require; they may overlap."""
    for moment in sorted(document.moments, key=lambda each: milliseconds(each.start_seconds)):
        start = milliseconds(moment.start_seconds)
        end = max(milliseconds(moment.end_seconds), start + MINIMUM_MS)
        yield Cue(moment.number, start, end, caption(moment))


def caption(moment: Event) -> str:
    """Return an event in words: `flash 0.83 3 strokes peak 00:01:02.500 end 00:01:03.123`.

    The number of strokes is left out of events that have none.
    """
    score = f"{moment.score:.2f}" if isfinite(moment.score) else "?"
    strokes = len(moment.strokes)
    strokes_text = f" {counted(strokes, 'stroke')}" if strokes else ""
    times = f"peak {clock_of(moment.peak_seconds)} end {clock_of(moment.end_seconds)}"
    return f"{clean(moment.kind)} {score}{strokes_text} {times}"


def is_foreign(path: Path) -> bool:
    """Return whether a file of subtitles is there that does not hold our events."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return False
    return "-->" in text and _OURS.search(text) is None
