"""`vtt`: WebVTT subtitles, one cue per event and per frame that models spoke of."""

from __future__ import annotations

import html

from .cues import Cue, cues, has_cues
from .document import Document
from .format import Format
from .parts import OutputFiles, Parts
from .timecode import clock


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.vtt`; each cue's identifier is its event's number, or `frame-123`."""
    return {".vtt": "WEBVTT\n\n" + "".join(map(_block, cues(document)))}


def _block(cue: Cue) -> str:
    span = f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}"
    text = "\n".join(html.escape(line, quote=False) for line in cue.lines)
    return f"{cue.name}\n{span}\n{text}\n\n"


FORMAT = Format(
    "vtt",
    ".vtt",
    "source",
    "WebVTT subtitles: events and answers of models",
    render,
    subtitles=True,
    candidates=False,
    holds=has_cues,
    contains="events or answers of models",
)
