"""`csv`: one row per result, for spreadsheets: events, and what models and people said.

A video has a file of its own; the pictures of a scan share one.
"""

from __future__ import annotations

from ...records import Event
from .cells import rows_text, text_cell
from .document import Document
from .findings import EVENT, Finding, findings
from .format import Format, ScanFormat, ScanFunctions
from .parts import OutputFiles, Parts
from .shapes import dumps, plain, seconds
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
    "result",
    "stage",
    "label",
    "text",
    "track",
    "verdict",
    "body",
    "judgement",
)
"""those from `result` on came later, as did rows whose `result` is not `event`"""


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.csv`; times in seconds, the region in pixels (empty where there is none).

    `strokes` counts the strokes of a flash, `stroke_s` lists their times, separated by spaces.
    Events come first; `kind` of other rows is what they are, as `result` is.
    """
    return {".csv": head() + rows(document)}


def head() -> str:
    """Return the names of the columns."""
    return rows_text([COLUMNS])


def rows(document: Document) -> str:
    """Return one source's rows."""
    source = text_cell(document.source.path)
    said = document.event_judgements
    events = (_row(each, source, said.get(each.number)) for each in document.moments)
    return rows_text([*events, *(_finding_row(each, source) for each in findings(document))])


def _row(moment: Event, source: str, judgement: str | None) -> list[object]:
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
        EVENT,
        None,
        None,
        None,
        None,
        text_cell(moment.verdict) if moment.verdict else None,
        None,
        judgement,
    ]


def _finding_row(found: Finding, source: str) -> list[object]:
    at = seconds(found.seconds)
    body = None if found.body is None else text_cell(dumps(plain(found.body), indent=None))
    return [
        None,
        found.result,
        *(at,) * 3,
        *(found.frame,) * 3,
        found.score,
        *(plain(found.box) if found.box else (None,) * 4),
        None if found.seconds is None else clock_of(found.seconds),
        None,
        None,
        None,
        source,
        found.result,
        *(text_cell(each) if each else None for each in (found.stage, found.label, found.text)),
        found.track,
        text_cell(found.label) if found.result == "verdict" else None,
        body,
        None,
    ]


def _of_all_pictures() -> ScanFormat:
    return ScanFunctions(lambda _summary: head(), rows, lambda _summary: "")


FORMAT = Format(
    "csv",
    ".csv",
    "source",
    "one row per event, caption, tag, object and verdict, for spreadsheets",
    render,
    candidates=False,
    pictures_together=_of_all_pictures,
)
