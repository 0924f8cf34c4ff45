"""Truth from tables: CSV of several programs, and Audacity's labels.

The columns are those that these programs write: DVR-Scan 2.0 (`--report`; `dvr_scan/report.py` at
commit 7b64f897, July 2026) and the comma-separated times that earlier versions print (1.8.2.1,
`controller.py`); PySceneDetect 0.7.2 (`scenedetect/output`, `write_scene_list`); Audacity's manual,
"Importing and Exporting Labels" (read in November 2026).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from ..timecodes import frames_to_seconds, is_timecode, timecode_to_frames, written_rate
from .truth import (
    NO_EVENTS,
    OUR_TABLE,
    RIGHT,
    WRONG,
    Footage,
    NoTruth,
    Reading,
    TrueEvent,
    Truth,
    grouped,
)

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)")
_DROP_FRAME = re.compile(r"\d:\d\d;\d\d(?!\d)")
"""the end of a timecode with dropped labels: its semicolon parts no columns"""
_NAMES = {
    "start": ("start_s", "start_seconds", "start time (seconds)", "start time", "start"),
    "end": ("end_s", "end_seconds", "end time (seconds)", "end time", "end"),
    "peak": ("peak_s", "peak_seconds", "peak"),
    "kind": ("kind", "label", "type"),
    "video": ("source", "video", "file", "filename", "path"),
    "strokes": ("stroke_s", "stroke_seconds", "stroke times"),
    "accepted": ("accepted",),
    "result": ("result",),
    "judgement": ("judgement",),
}
"""what a column may be called, in lower case; the first that is there is taken"""
_SCENES = "scene number"
_GUARDED = "=+-@\uff1d\uff0b\uff0d\uff20"


def table_truths(text: str, footage: Sequence[Footage]) -> list[Truth] | None:
    """Read a table with or without names of columns; None for a text that is no table."""
    rows = _rows(text)
    if not rows:
        return None
    # PySceneDetect may write times of cuts before the names of columns, without a word.
    for place, row in enumerate(rows[:2]):
        header = [cell.strip().lower() for cell in row]
        if _column(header, "start") is not None and _column(header, "end") is not None:
            return _named(header, rows[place + 1 :], footage)
    return _unnamed(rows, footage)


def _rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("\\")]
    if lines and lines[0].lower().startswith("sep="):  # Excel's way to name the delimiter
        lines = lines[1:]
    if lines and lines[0].startswith("Timecode List:"):  # PySceneDetect's cuts, before the header
        lines = lines[1:]
    if not lines:
        return []
    # The texts of our own table may hold any sign.
    head = OUR_TABLE if text.startswith(OUR_TABLE) else _DROP_FRAME.sub("", "\n".join(lines[:2]))
    delimiter = next((each for each in "\t;" if each in head), ",")
    rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    # Where a comma does not part columns it is a decimal point.
    return rows if delimiter == "," else [[_pointed(cell) for cell in row] for row in rows]


def _pointed(cell: str) -> str:
    return cell.replace(",", ".") if re.fullmatch(r"[\d:]*\d,\d+", cell.strip()) else cell


def _named(header: list[str], rows: Sequence[list[str]], footage: Sequence[Footage]) -> list[Truth]:
    events = []
    for number, row in enumerate(rows, 2):
        cells = {what: _cell(header, row, what) for what in _NAMES}
        # A rejected candidate of the app's list, unless a person judged it right.
        if cells["accepted"].lower() == "false" and cells["judgement"] != RIGHT:
            continue
        if cells["judgement"] == WRONG:
            continue
        if cells["result"] in NO_EVENTS:  # what models said, in our own export
            continue
        try:
            events.append((_plain(cells["video"]), _event(cells, footage)))
        except ValueError as error:
            raise NoTruth(f"row {number}: {error}") from error
    found = grouped(events) or [Truth("", ())]
    return [_scenes(truth) for truth in found] if _SCENES in header else found


def _event(cells: dict[str, str], footage: Sequence[Footage]) -> TrueEvent:
    start, end = (_seconds(cells[what], footage, cells["video"]) for what in ("start", "end"))
    peak = _seconds(cells["peak"], footage, cells["video"]) if cells["peak"] else start
    strokes = tuple(float(each) for each in cells["strokes"].split())
    kind = _plain(cells["kind"]) or "event"
    return TrueEvent(kind, start, end, peak, strokes, has_peak=bool(cells["peak"]))


def _scenes(truth: Truth) -> Truth:
    """Return a list of scenes with the cuts between them; the first scene follows on none."""
    cuts = tuple(
        TrueEvent("cut", each.start_seconds, each.start_seconds, each.start_seconds)
        for each in sorted(truth.events, key=lambda each: each.start_seconds)[1:]
    )
    scenes = tuple(
        TrueEvent("scene", each.start_seconds, each.end_seconds, each.peak_seconds, has_peak=False)
        for each in truth.events
    )
    return Truth(truth.video, scenes, truth.content, cuts)


def _unnamed(rows: Sequence[list[str]], footage: Sequence[Footage]) -> list[Truth] | None:
    if not _is_time(rows[0][0]):
        return None
    if len(rows) == 1 and len(rows[0]) > 3 and all(map(_is_time, rows[0])):
        return [Truth("", tuple(_pairs(rows[0], footage)))]
    events = []
    for number, row in enumerate(rows, 1):
        if len(row) < 2:
            raise NoTruth(f"row {number} has a start and no end")
        start, end = _seconds(row[0], footage, ""), _seconds(row[1], footage, "")
        kind = (row[2].strip() if len(row) > 2 else "") or "event"
        events.append(TrueEvent(kind, start, end, start, has_peak=False))
    return [Truth("", tuple(events))]


def _pairs(cells: Sequence[str], footage: Sequence[Footage]) -> Iterator[TrueEvent]:
    """Yield the events of a list of starts and ends, as DVR-Scan prints it."""
    if len(cells) % 2:
        raise NoTruth("the last start has no end")
    times = [_seconds(cell, footage, "") for cell in cells]
    for start, end in zip(times[::2], times[1::2], strict=True):
        yield TrueEvent("event", start, end, start, has_peak=False)


def _seconds(text: str, footage: Sequence[Footage], video: str) -> float:
    """Return seconds from `83.5`, `1:23.5`, `00:01:23.500` or, where the rate is known, frames."""
    found = _CLOCK.fullmatch(text.strip())
    if found is not None:
        minutes = int(found[1] or 0) * 60 + int(found[2] or 0)
        return round(minutes * 60 + float(found[3]), 9)
    if not is_timecode(text):
        raise NoTruth(f"'{text}' is not a time; write 83.5 or 00:01:23.500")
    known = [each for each in footage if not video or video in each.names]
    if len(known) != 1 or not known[0].frame_rate:
        raise NoTruth(f"'{text}' counts frames at an unknown rate; write 00:01:23.500")
    count = written_rate(text, known[0].count, known[0].start_timecode)
    return frames_to_seconds(timecode_to_frames(text, count), count)


def _is_time(text: str) -> bool:
    return _CLOCK.fullmatch(text.strip()) is not None or is_timecode(text)


def _column(header: list[str], what: str) -> int | None:
    return next((header.index(name) for name in _NAMES[what] if name in header), None)


def _cell(header: list[str], row: list[str], what: str) -> str:
    place = _column(header, what)
    return row[place].strip() if place is not None and place < len(row) else ""


def _plain(cell: str) -> str:
    """Return a cell without the apostrophe that our own export puts before a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _GUARDED else cell


READINGS: tuple[Reading, ...] = (table_truths,)
