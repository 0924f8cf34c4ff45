"""The subtitle cues of a source's events and of what models said, shared by `srt` and `vtt`.

A cue of a frame begins with a line of its own, `frame at 00:01:02.500`, so that it is not taken for
an event when the file is read back as truth.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from ...records import Event
from ...text import clean, counted
from .document import Document, FrameNotes
from .timecode import clock_of, milliseconds

MINIMUM_MS = 500
"""A flash lasts a frame or two; its cue stays long enough to be seen."""
LONGEST_MS = 5000
"""of what was said about a frame: until the next such frame, at most so long"""
_OURS = re.compile(
    r"^([^\n]* (\d+\.\d\d|\?) [^\n]*peak|frame at) \d\d+:\d\d:\d\d\.\d{3}", re.MULTILINE
)
JUDGED = "judged "
"""before what a person said of an event, below its caption"""
_READ_BYTES = 4096
_LINE = 2000


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle; times in milliseconds from the source's first frame.

    `name` is an event's number or `frame-123`; `lines` are shown below each other.
    """

    name: str
    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def cues(document: Document) -> Iterator[Cue]:
    """Give the cues in order of start, as players require; they may overlap."""
    said = _verdicts(document)
    found = [*_events(document, said), *_frames(document, said)]
    return iter(sorted(found, key=lambda cue: cue.start_ms))


def has_cues(document: Document) -> bool:
    """Return whether there is any cue."""
    return bool(document.moments or document.verdicts or document.frame_notes) and (
        next(cues(document), None) is not None
    )


def _events(document: Document, said: dict[int, list[str]]) -> Iterator[Cue]:
    """Give a cue for each event, below it the verdicts on what it was made of."""
    judged = sorted(said)
    for moment in document.moments:
        start = milliseconds(moment.start_seconds)
        end = max(milliseconds(moment.end_seconds), start + MINIMUM_MS)
        first = bisect_left(judged, moment.start_frame)
        inside = judged[first : bisect_right(judged, moment.end_frame)]
        lines = [line for frame in inside for line in said.pop(frame, ())]
        judgement = document.event_judgements.get(moment.number)
        judged_line = () if judgement is None else (f"{JUDGED}{judgement}",)
        yield Cue(str(moment.number), start, end, (caption(moment), *judged_line, *lines))


def _frames(document: Document, said: dict[int, list[str]]) -> Iterator[Cue]:
    """Give a cue for each frame that models spoke of, and for verdicts that no event has."""
    lines = {notes.frame: (notes.seconds, list(_lines(notes))) for notes in document.frame_notes}
    times = {int(each["frame"]): float(each["seconds"]) for each in document.verdicts}
    for frame, verdicts in said.items():
        lines.setdefault(frame, (times[frame], []))[1].extend(verdicts)
    shown = sorted((milliseconds(at), frame, at) for frame, (at, some) in lines.items() if some)
    for place, (start, frame, at) in enumerate(shown):
        following = shown[place + 1][0] if place + 1 < len(shown) else start + LONGEST_MS
        end = max(min(following, start + LONGEST_MS), start + 1)
        heading = f"frame at {clock_of(at)}"
        yield Cue(f"frame-{frame}", start, end, (heading, *lines[frame][1]))


def _lines(notes: FrameNotes) -> Iterator[str]:
    """Give what was said about a frame, without facts about the answers."""
    yield from (_shown(line) for line in notes.lines if not line.startswith(" "))


def _verdicts(document: Document) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    lines = document.verdict_lines
    for verdict, line in zip(
        document.verdicts, lines or ("",) * len(document.verdicts), strict=True
    ):
        if line:
            found.setdefault(int(verdict["frame"]), []).append(_shown(line))
    return found


def _shown(line: str) -> str:
    """Return a line that ends no cue and begins none: neither empty nor with an arrow."""
    return clean(line, limit=_LINE).replace("-->", "->").strip() or "?"


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
