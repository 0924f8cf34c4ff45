"""Pages of long lists, as JSON rows any front can show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from ..config.user_settings import log_file
from ..errors import UsageError
from ..protocol.queries import (
    ALL_SCANS,
    ListLogLines,
    ListMatrix,
    ListModels,
    ListQueue,
    ListResults,
    ListScans,
    ListTasks,
    Query,
    What,
)
from ..protocol.replies import Page
from ..protocol.views import JobLine, ScanLine
from ..records import asked_stream
from ..storage.conditions import Condition, Kind
from ..storage.export.shapes import look
from ..storage.judged_rows import List
from ..storage.library import Library
from ..storage.listings import Key, RowSelection
from ..storage.runs import TaskRow
from ..storage.scan_scope import parted
from . import filters
from .duplicates import resolved, with_duplicates
from .filter_kinds import check_kind_names, check_kinds
from .frame_notes import frame_notes
from .lists import newest, other_job_lines, scan_lines
from .loglines import log_lines
from .models import matrix_rows, model_rows

CutOffs = tuple[tuple[str, float], ...]
"""the least score of events and candidates of a kind"""
KINDS: dict[What, Kind] = {"events": "moments", "candidates": "candidates", "frames": "frames"}
_SHOWN = (
    "kind", "start_frame", "peak_frame", "end_frame", "start_seconds", "peak_seconds",
    "end_seconds", "score", "threshold", "energy", "facts", "strokes", "region", "verdict",
)  # fmt: skip


def page(library: Library, query: Query, first: int, last: int, active: Sequence[int]) -> Page:
    """Return rows `first` to `last` - 1; `active` are the scans running and waiting, in order.

    Raises UsageError for a filter that is none, UnknownName for a scan that is not there.
    """
    match query:
        case ListScans():
            judged = library.judgements.counts()
            rows = [_scan_row(line, judged.get(line.scan, 0)) for line in scan_lines(library)]
            return _cut(_matching(rows, query.text), first, last)
        case ListTasks():
            return _tasks(library, query, first, last, active)
        case ListQueue():
            from .queue_rows import queue_page

            return queue_page(library, query, first, last, active)
        case ListResults():
            return _results(library, query, first, last)
        case ListModels():
            rows = model_rows(library, query.sort, descending=query.descending)
            return _cut(_matching(rows, query.text), first, last)
        case ListMatrix():
            return _cut(_matching(matrix_rows(), query.text), first, last)
        case ListLogLines():
            lines = log_lines(log_file(library.folder), query.level, query.text)
            return _cut(lines, first, last)


def _scan_row(line: ScanLine, judged: int) -> dict[str, Any]:
    """Return a scan as a row, with how many of its events are judged."""
    return asdict(line) | {"judged": judged}


def _tasks(
    library: Library, query: ListTasks, first: int, last: int, active: Sequence[int]
) -> Page:
    """Return sources of scans; with those of all scans also jobs of other kinds, as rows 0.

    Jobs that run or wait come before the sources, and so do those that may be resumed unless a scan
    runs or waits. Those that ended, and those that continue until a user ends them, come last.
    """
    words = query.text.split()
    open_jobs, ended_jobs = (
        job_rows(library, query.text, active) if query.scan is None else ([], [])
    )
    before = len(open_jobs)
    total, tasks = library.runs.task_page(
        active, query.scan, words, max(first - before, 0), max(last - before, 0)
    )
    rows = [*open_jobs[first:last], *map(task_row, tasks)]
    after = before + total
    rows += ended_jobs[max(first - after, 0) : max(last - after, 0)]
    return Page(after + len(ended_jobs), first, tuple(rows))


def task_row(task: TaskRow) -> dict[str, Any]:
    """Return a source as a JSON row."""
    return {
        "scan": task.scan, "number": task.number, "path": task.path, "kind": task.kind,
        "state": task.state, "reason": task.reason, "frames": task.frames,
        "moments": task.moments, "seconds": task.seconds, "content": task.content,
    }  # fmt: skip


def job_rows(
    library: Library, text: str, active: Sequence[int]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return jobs of other kinds than scans: those before the sources, and those after them."""
    every = other_job_lines(library)
    lines = [line for line in every if _says(line, text)]
    lines.sort(key=lambda line: _place(line.number, active))
    others = {line.number for line in every}
    has_scan = any(number not in others for number in active)
    first = [line for line in lines if not line.standing and _is_first(line, active, has_scan)]
    last = [line for line in lines if line not in first]
    return list(map(_job_row, first)), list(map(_job_row, last))


def _is_first(line: JobLine, active: Sequence[int], has_scan: bool) -> bool:
    return line.number in active or (line.state != "done" and not has_scan)


def _job_row(line: JobLine) -> dict[str, Any]:
    return {
        "scan": line.number, "number": 0, "path": line.title, "kind": line.kind,
        "state": line.state, "reason": line.reason, "frames": 0, "moments": 0, "seconds": 0.0,
        "content": None, "done": line.done, "total": line.total, "known": line.known,
    }  # fmt: skip


def _place(number: int, active: Sequence[int]) -> tuple[int, int]:
    """Return what sorts jobs that run or wait first, in their order, then the newest."""
    return (active.index(number), 0) if number in active else (len(active), -number)


def _says(line: JobLine, text: str) -> bool:
    said = f"{line.title} {line.kind} {line.state} {line.reason}".lower()
    return all(word in said for word in text.lower().split())


def _results(library: Library, query: ListResults, first: int, last: int) -> Page:
    wanted = selection(library, query)
    if wanted is None:
        return Page(0, first, ())
    scan = wanted.scan
    keys = library.listings.keys(wanted)
    here = keys.window(first, last)
    rows = _frames(library, scan, here) if query.what == "frames" else _found(library, wanted, here)
    if query.what == "frames":
        rows = [row | {"judgement": None} for row in rows]
    rows = _sized(library, rows)
    for each in dict.fromkeys(row["scan"] for row in rows):
        with_duplicates(library, each, [row for row in rows if row["scan"] == each])
    return Page(len(keys), first, tuple(_remarked(library, rows)))


def selection(library: Library, query: ListResults) -> RowSelection | None:
    """Return the rows of a list, as `wanted_of` does; None where there is no scan.

    Raises UsageError for a filter that is none, UnknownName.
    """
    scan = query.scan if query.scan is not None else newest(library)
    if scan is None:
        return None
    check_scan(library, scan)
    wanted = wanted_of(query, scan)
    check_kinds(library, wanted.conditions)
    check_kind_names(library, (kind for kind, _ in query.cut_offs))
    if scan == ALL_SCANS and any("duplicate" in each.values for each in wanted.conditions):
        raise UsageError("is:duplicate compares pictures of one scan; choose a scan")
    return replace(wanted, conditions=resolved(library, scan, wanted.conditions))


def check_scan(library: Library, scan: int) -> None:
    """Raise UnknownName for a scan that is not there; all of them always are."""
    if scan != ALL_SCANS:
        library.runs.get(scan)


def wanted_of(query: ListResults, scan: int) -> RowSelection:
    """Return which rows of a scan a query asks for. Raises UsageError for a filter that is none."""
    return RowSelection(
        scan=scan,
        kind=KINDS[query.what],
        conditions=filters.parse(query.text).conditions + above(query.cut_offs),
        sort=query.sort,
        descending=query.descending,
    )


def above(cut_offs: CutOffs) -> tuple[Condition, ...]:
    """Return the conditions that leave out what is below the cut-off of its kind."""
    return tuple(Condition("below", kind, (least,), negated=True) for kind, least in cut_offs)


def _found(library: Library, wanted: RowSelection, keys: Sequence[Key]) -> list[dict[str, Any]]:
    found = []
    rows = library.listings.rows(wanted, keys)
    keyed = [(row["content"], row["spec_hash"], row["number"]) for row in rows]
    which: List = "moments" if wanted.kind == "moments" else "candidates"
    judged = library.judgements.of_rows(which, keyed)
    for row, key in zip(rows, keyed, strict=True):
        body = json.loads(row["body"])
        found.append({
            "key": f"{row['task']}.{row['number']}", "scan": row["scan"], "task": row["task"],
            "path": row["path"], "content": row["content"], "frame": body["peak_frame"],
            "seconds": body["peak_seconds"], "accepted": body.get("accepted", True),
            "reason": body.get("reason", ""), "stage": body.get("stage", ""),
            **{name: body.get(name) for name in _SHOWN}, "judgement": judged.get(key),
        })  # fmt: skip
    return found


def _frames(library: Library, scan: int, keys: Sequence[Key]) -> list[dict[str, Any]]:
    tasks = library.listings.tasks(scan, sorted({task for task, _ in keys}))
    found = []
    for key, frame in keys:
        if key not in tasks:
            continue
        path, content, spec_hash = tasks[key]
        of_scan, task = parted(scan, key)
        said = library.annotations.of_frame(content, spec_hash, frame)
        for notes in frame_notes(said, tracks=False):
            found.append({
                "key": f"{task}.{frame}", "scan": of_scan, "task": task, "path": path,
                "content": content, "kind": "frame", "score": None, **look(notes),
            })  # fmt: skip
    return found


def _sized(library: Library, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the size of each source, upright, in pixels, and the stream that was asked for."""
    sizes = library.results.sizes({row["content"] for row in rows})
    return [
        row
        | dict(zip(("width", "height"), sizes.get(row["content"], (0, 0)), strict=True))
        | {"stream": asked_stream(row["content"])}
        for row in rows
    ]


def _remarked(library: Library, rows: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    frames = [(row["content"], row["frame"]) for row in rows]
    remarks, drawn = library.remarks.of(frames), library.drawn_boxes.of_frames(frames)
    for row in rows:
        remark = remarks.get((row["content"], row["frame"]))
        yield row | {
            "marked": bool(remark and remark.marked),
            "corrected_caption": remark.caption if remark else None,
            "corrected_tags": list(remark.tags) if remark and remark.tags is not None else None,
            "drawn": [asdict(box) for box in drawn.get((row["content"], row["frame"]), ())],
        }


def _matching(rows: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    words = [word.casefold() for word in text.split()]
    if not words:
        return rows
    return [
        row for row in rows
        if all(word in json.dumps(row, ensure_ascii=False).casefold() for word in words)
    ]  # fmt: skip


def _cut(rows: Sequence[dict[str, Any]], first: int, last: int) -> Page:
    return Page(len(rows), first, tuple(rows[max(first, 0) : max(last, 0)]))
