"""`html`: a scan on one page, with nothing outside it: no script, no link, pictures inline.

Every text goes through `_text` or `_path`, and so through `core.text` and `html.escape`; the
policy in the page's head makes a browser refuse whatever might get past them.
"""

from __future__ import annotations

import hashlib
import html
from base64 import b64encode
from collections.abc import Iterable
from math import isfinite
from typing import Any

from ...records import Event
from ...text import clean, clean_path, counted
from .document import Document, FrameNotes, Summary, TaskLine
from .format import Format, ScanFunctions
from .report_style import STYLE
from .scan_json import totals
from .timecode import clock_of

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STATE_LOOKS = {"done": "good", "failed": "bad"}
_STRIP_WIDTH = 1000
_MOST_FRAMES = 500
"""of a source, whose answers one page lists"""


def head(summary: Summary) -> str:
    """Return the page down to the table of sources and the groups of look-alikes."""
    title = f"sightline scan {int(summary.scan)}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n"
        f'<p class="faint">profile {_text(summary.profile)} &middot; {_text(summary.state)}'
        f" &middot; spec {_text(summary.spec_hash)}</p>\n"
        f"{_narrowed(summary.narrowed)}{_totals(summary)}{_sources(summary.tasks)}{_duplicates(summary.duplicates)}"
    )


def body(document: Document) -> str:
    """Return one source's events and what models said; nothing where there is nothing to show."""
    said = [notes for notes in document.frame_notes if notes.lines]
    judged = list(zip(document.verdicts, document.verdict_lines, strict=True))
    if not (document.moments or document.warnings or said or judged):
        return ""
    source, stream = document.source, document.source.asked_stream
    about = f"{int(source.width)} &times; {int(source.height)} &middot; {_text(source.codec)}"
    if source.duration_seconds is not None:
        about += f" &middot; {clock_of(source.duration_seconds)}"
    return (
        f'<section id="{_anchor(source.path, stream)}">\n<h2>{_source(source.path, stream)}</h2>\n'
        f'<p class="faint">{about} &middot; {_frames(document.frames)} processed</p>\n'
        f"{_warnings(document.warnings)}{_strip(document)}{_events(document)}{_answers(said)}{_verdicts(judged)}</section>\n"
    )


def tail(summary: Summary) -> str:
    """Return the page's end."""
    return "</main>\n</body>\n</html>\n"


def _narrowed(text: str) -> str:
    return f'<p class="faint">only events that match: {_text(text)}</p>\n' if text else ""


def _totals(summary: Summary) -> str:
    sums = totals(summary)
    boxes = "".join(
        f"<div><dt>{name}</dt><dd>{_count(sums[name])}</dd></div>"
        for name in ("sources", "events", "frames")
    )
    return f'<dl class="totals">{boxes}</dl>\n'


def _sources(tasks: Iterable[TaskLine]) -> str:
    headings = '<th>source<th>kind<th>state<th class="n">frames<th class="n">events'
    rows = "".join(map(_source_row, tasks))
    return (
        f"<section>\n<h2>Sources</h2>\n<table>\n<tr>{headings}</tr>\n{rows}</table>\n</section>\n"
    )


def _source_row(task: TaskLine) -> str:
    shown = _source(task.path, task.stream)
    if task.moments:
        shown = f'<a href="#{_anchor(task.path, task.stream)}">{shown}</a>'
    reason = f'<div class="faint">{_text(task.reason)}</div>' if task.reason else ""
    return (
        f'<tr><td class="path">{shown}</td><td>{_text(task.kind)}</td>'
        f'<td><span class="{_STATE_LOOKS.get(task.state, "")}">{_text(task.state)}</span>'
        f'{reason}</td><td class="n">{_count(task.frames)}</td>'
        f'<td class="n">{_count(task.moments)}</td></tr>\n'
    )


def _duplicates(groups: tuple[tuple[str, ...], ...]) -> str:
    if not groups:
        return ""
    items = "".join(f"<li>{'<br>'.join(map(_path, group))}</li>\n" for group in groups)
    return f"<section>\n<h2>Similar pictures</h2>\n<ul>\n{items}</ul>\n</section>\n"


def _warnings(warnings: tuple[str, ...]) -> str:
    return "".join(f'<p class="warning">{_text(warning)}</p>\n' for warning in warnings)


def _strip(document: Document) -> str:
    """Where in the source its events lie, as marks on a bar."""
    whole = document.source.duration_seconds
    if not document.moments or whole is None or not isfinite(whole) or whole <= 0:
        return ""
    marks = "".join(_mark(moment, whole) for moment in document.moments)
    return (
        f'<svg class="strip" viewBox="0 0 {_STRIP_WIDTH} 16" preserveAspectRatio="none" '
        f'role="img" aria-label="events along the source">{marks}</svg>\n'
    )


def _mark(moment: Event, whole: float) -> str:
    start, end = (
        min(max(each / whole, 0.0), 1.0) * _STRIP_WIDTH if isfinite(each) else 0.0
        for each in (moment.start_seconds, moment.end_seconds)
    )
    width = max(end - start, 2.0)
    return f'<rect x="{min(start, _STRIP_WIDTH - width):.2f}" width="{width:.2f}" height="16"/>'


def _events(document: Document) -> str:
    if not document.moments:
        return ""
    headings = (
        '<th class="n">no.<th>peak picture<th>kind<th>start<th>peak<th>end'
        '<th class="n">score<th class="n">energy<th class="n">strokes<th>region'
    )
    said = document.event_judgements
    headings += "<th>judgement" if said else ""
    rows = "".join(
        _event_row(moment, document.thumbnails.get(moment.number),
                   (said.get(moment.number, "") if said else None))
        for moment in document.moments
    )  # fmt: skip
    return f"<table>\n<tr>{headings}</tr>\n{rows}</table>\n"


def _event_row(moment: Event, picture: bytes | None, judgement: str | None) -> str:
    numbers = "".join(
        f'<td class="n">{each}</td>'
        for each in (_number(moment.score, 2), _number(moment.energy, 0), _strokes(moment))
    )
    times = "".join(
        f"<td>{clock_of(each)}</td>"
        for each in (moment.start_seconds, moment.peak_seconds, moment.end_seconds)
    )
    return (
        f'<tr><td class="n">{int(moment.number)}</td><td>{_picture(moment, picture)}</td>'
        f'<td class="kind">{_text(moment.kind)}</td>{times}{numbers}'
        f"<td>{_region(moment)}</td>{_judged(judgement)}</tr>\n"
    )


def _judged(judgement: str | None) -> str:
    """Return the cell of what a person said of an event; none where no event is judged."""
    if judgement is None:
        return ""
    look = {"right": ' class="good"', "wrong": ' class="bad"'}.get(judgement, "")
    return f"<td><span{look}>{_text(judgement)}</span></td>"


def _answers(said: list[FrameNotes]) -> str:
    """Return what models said frame by frame, in the words of their stages."""
    if not said:
        return ""
    rows = "".join(map(_answer_row, said[:_MOST_FRAMES]))
    more = len(said) - _MOST_FRAMES
    rest = f'<p class="faint">and {_frames(more)} more; see the json</p>\n' if more > 0 else ""
    return f"<table>\n<tr><th>frame at<th>answers of models</tr>\n{rows}</table>\n{rest}"


def _answer_row(notes: FrameNotes) -> str:
    lines = "<br>".join(_text(line) for line in notes.lines if not line.startswith(" "))
    return f"<tr><td>{clock_of(notes.seconds)}</td><td>{lines}</td></tr>\n"


def _verdicts(judged: list[tuple[dict[str, Any], str]]) -> str:
    """Return what a model said about each candidate it was shown."""
    if not judged:
        return ""
    rows = "".join(
        f"<tr><td>{clock_of(verdict['seconds'])}</td><td>{_text(line)}</td></tr>\n"
        for verdict, line in judged[:_MOST_FRAMES]
    )
    more = len(judged) - _MOST_FRAMES
    rest = f'<p class="faint">and {_count(more)} more; see the json</p>\n' if more > 0 else ""
    return f"<table>\n<tr><th>candidate at<th>verdict</tr>\n{rows}</table>\n{rest}"


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if isfinite(value) else "&ndash;"


def _strokes(moment: Event) -> str:
    """Return how many strokes there are, with their times in a tooltip."""
    if not moment.strokes:
        return "&ndash;"
    times = " ".join(clock_of(stroke.seconds) for stroke in moment.strokes)
    return f'<span title="{times}">{len(moment.strokes)}</span>'


def _picture(moment: Event, picture: bytes | None) -> str:
    if picture is None:
        return "&ndash;"
    data = b64encode(picture).decode("ascii")
    return f'<img alt="peak of event {int(moment.number)}" src="data:image/jpeg;base64,{data}">'


def _region(moment: Event) -> str:
    if moment.region is None:
        return "&ndash;"
    x, y, width, height = map(int, moment.region)
    return f"{width} &times; {height} at {x}, {y}"


def _anchor(path: str, stream: int | None) -> str:
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"s{digest}" if stream is None else f"s{digest}v{stream}"


def _source(path: str, stream: int | None) -> str:
    return _path(path) if stream is None else f"{_path(path)}, stream {stream}"


def _frames(number: int) -> str:
    return f"{_count(number)} {counted(number, 'frame').partition(' ')[2]}"


def _count(number: int) -> str:
    # A thin space between the thousands: neither comma nor point is read alike everywhere.
    return f"{int(number):,}".replace(",", "\N{THIN SPACE}")


def _text(text: str) -> str:
    return html.escape(clean(text))


def _path(path: str) -> str:
    return html.escape(clean_path(path))


FORMAT = Format(
    "html",
    ".html",
    "scan",
    "a report in one page, with pictures",
    lambda: ScanFunctions(head, body, tail),
    pictures=True,
    candidates=False,
)
