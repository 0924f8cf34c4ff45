"""`vtt`: WebVTT subtitles, one cue per event."""

from __future__ import annotations

import html

from .cues import Cue, cues
from .document import Document
from .format import Format
from .parts import OutputFiles, Parts
from .timecode import clock


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.vtt`; each cue's identifier is its event's number."""
    return {".vtt": "WEBVTT\n\n" + "".join(map(_block, cues(document)))}


def _block(cue: Cue) -> str:
    span = f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}"
    return f"{cue.number}\n{span}\n{html.escape(cue.text, quote=False)}\n\n"


FORMAT = Format(
    "vtt", ".vtt", "source", "WebVTT subtitles, one cue per event", render, subtitles=True
)
