"""`srt`: SubRip subtitles, one cue per event and per frame that models spoke of."""

from __future__ import annotations

from .cues import Cue, cues, has_cues
from .document import Document
from .format import Format
from .parts import OutputFiles, Parts
from .timecode import clock

# SubRip has no escapes, and players read tags in angle brackets and braces.
_NO_TAGS = str.maketrans("<>{}", "()()")


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.srt`, in UTF-8; cues are numbered from 1 as the format demands."""
    return {".srt": "".join(_block(place, cue) for place, cue in enumerate(cues(document), 1))}


def _block(place: int, cue: Cue) -> str:
    span = f"{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}"
    text = "\n".join(line.translate(_NO_TAGS) for line in cue.lines)
    return f"{place}\n{span}\n{text}\n\n"


FORMAT = Format(
    "srt",
    ".srt",
    "source",
    "SubRip subtitles: events and answers of models",
    render,
    subtitles=True,
    candidates=False,
    holds=has_cues,
    contains="events or answers of models",
)
