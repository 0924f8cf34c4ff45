"""`csv`: one row per event of a source, for spreadsheets."""

from __future__ import annotations

from ...records import Event
from .cells import rows_text, text_cell
from .document import Document
from .format import Format
from .parts import OutputFiles, Parts
from .shapes import plain, seconds
from .timecode import clock_of

COLUMNS = (
    "number",
    "kind",
    "start_s",
    "peak_s",
    "end_s",
    "start_frame",
    "peak_frame",
    "end_frame",
    "score",
    "x",
    "y",
    "width",
    "height",
    "start_timecode",
    "energy",
    "strokes",
    "stroke_s",
    "source",
)


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.csv`; times in seconds, the region in pixels (empty where there is none).

    `strokes` counts the strokes of a flash, `stroke_s` lists their times, separated by spaces.
    """
    source = text_cell(document.source.path)
    return {".csv": rows_text([COLUMNS, *(_row(each, source) for each in document.moments)])}


def _row(moment: Event, source: str) -> list[object]:
    return [
        moment.number,
        text_cell(moment.kind),
        *map(seconds, (moment.start_seconds, moment.peak_seconds, moment.end_seconds)),
        *(moment.start_frame, moment.peak_frame, moment.end_frame),
        plain(moment.score),
        *(moment.region or (None,) * 4),
        clock_of(moment.start_seconds),
        plain(moment.energy),
        len(moment.strokes),
        " ".join(str(seconds(stroke.seconds)) for stroke in moment.strokes),
        source,
    ]


FORMAT = Format("csv", ".csv", "source", "one row per event, for spreadsheets", render)
