"""Rows of the queue: scans, their sources with progress and events on a time line, other jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len

from core.text import clean

from ..look.roles import Role, kind_role
from ..widgets.cells import fit, safe, shorten
from ..widgets.columns import Column
from ..widgets.line_bar import line_bar
from ..widgets.painted import Span
from ..widgets.rows import Drawn, Row
from ..widgets.symbols import Symbols
from ..widgets.timeline import Mark, small
from . import queue, wording

if TYPE_CHECKING:
    from core.protocol.state import EngineState, ScanState, TaskState

COLUMNS = (Column("", None),)
"""a row of the queue divides its line itself"""
_TONES: dict[str, Role] = {
    "run": "good", "FAILED": "bad", "paused": "warn", "done": "faint", "known": "faint",
}  # fmt: skip
_STATE_CELLS, _SHARE_CELLS, _RATE_CELLS, _LEFT_CELLS, _COUNT_CELLS = 8, 5, 6, 8, 6
_LEAST_BAR, _MOST_BAR, _LEAST_NAME = 8, 32, 14
_ENDED = ("done", "known")


class Facts(NamedTuple):
    """What a row shows of a source or a job, part by part; empty where there is nothing to say."""

    state: str
    name: str
    bar: Drawn | None
    share: str = ""
    rate: str = ""
    left: str = ""
    found: str = ""
    reason: str = ""


def row_of(row: dict[str, Any], state: EngineState | None, symbols: Symbols) -> Row:
    """Return a row as the library has it, with the present state of what it is about."""
    if row["number"] == queue.SCAN_ROW:
        return scan_row(row, state, symbols)
    facts = job_facts(row, state, symbols) if row["number"] == 0 else task_facts(
        row, state, symbols
    )  # fmt: skip
    return Row(queue.key_of(row), (_line(facts, symbols),), tone_of(facts.state))


def tone_of(word: str) -> Role:
    """Return in which role the name of a source is written: what runs is brightest."""
    return "text" if word == "run" else "bad" if word == "FAILED" else "dim"


# Scans


def scan_row(row: dict[str, Any], state: EngineState | None, symbols: Symbols) -> Row:
    """Return the row of a scan, which stands over those of its sources."""
    scan = queue.scan_of(state, row["scan"])
    sign = symbols.folded if row["folded"] else symbols.unfolded
    left, right = scan_title(row, scan), scan_sums(row, scan)
    folder = wording.short_path(row["path"], 1) if row["path"] else ""

    def drawn(width: int) -> Sequence[Span]:
        return _ends(left, folder, right, width, symbols)

    return Row(queue.key_of(row), (drawn,), "title", sign=sign)


def scan_title(row: dict[str, Any], scan: ScanState | None) -> list[Span]:
    """Return number, profile, state, and how many of all sources are finished."""
    word = scan_word(row, scan)
    done = scan.finished if scan is not None else row["done"] + row["failed"]
    total = scan.sources if scan is not None else row["sources"]
    failed = scan.failed if scan is not None else row["failed"]
    tone = _TONES.get(word, "dim")
    parts = [
        Span(f"{row['scan']} {clean(row['profile'], limit=40)}", "title", bold=True),
        Span("  "), Span(word, "dim" if tone == "faint" else tone), Span("  "),
        Span(f"{done} of {total}", "text"),
    ]  # fmt: skip
    return [*parts, Span("  "), Span(f"{failed} failed", "bad")] if failed else parts


def scan_word(row: dict[str, Any], scan: ScanState | None) -> str:
    """Return what a scan does, in a word."""
    if scan is not None:
        return {"running": "run", "queued": "waits"}.get(scan.state, scan.state)
    return {"failed": "FAILED", "done": "done"}.get(row["state"], "stopped")


def scan_sums(row: dict[str, Any], scan: ScanState | None) -> str:
    """Return how much was found, and how long the scan will take or took."""
    found = scan.moments if scan is not None else row["moments"]
    ahead = sum(len(task.provisional_events) for task in scan.tasks) if scan is not None else 0
    events = queue.events(found, ahead)
    if scan is None:
        took = f"  took {clock(row['seconds'])}" if row["state"] == "done" else ""
        return f"{events}{took}"
    left = seconds_left(row, scan)
    return f"{events}  {clock(left)}" if left is not None else events


def seconds_left(row: dict[str, Any], scan: ScanState) -> float | None:
    """Return how long a scan will take: its running sources, and others as long as the former."""
    if scan.state == "paused" or not scan.tasks:
        return None
    lefts = [queue.left_seconds(task) for task in scan.tasks]
    known = [left for left in lefts if left is not None]
    waiting = max(scan.sources - scan.finished - len(scan.tasks), 0)
    whole = _seconds_a_source(row, scan)
    if not known or (waiting and whole is None):
        return None
    return max(known) + waiting * (whole or 0.0) / len(scan.tasks)


def _seconds_a_source(row: dict[str, Any], scan: ScanState) -> float | None:
    """Return how long a source of a scan takes: one that is finished, else one that runs."""
    if row["done"] and row["seconds"]:
        return float(row["seconds"] / row["done"])
    rated = [t for t in scan.tasks if t.frames_total and t.frames_per_second > 0]
    whole = [(t.frames_total or 0) / t.frames_per_second for t in rated]
    return sum(whole) / len(whole) if whole else None


def _ends(
    left: Sequence[Span], folder: str, right: str, width: int, symbols: Symbols
) -> list[Span]:
    """Return a title, a folder as far as there is space, and what stands at the end."""
    taken = sum(cell_len(span.text) for span in left)
    right = safe(right) if taken + cell_len(right) + 1 <= width else ""
    space = width - taken - cell_len(right) - 4
    named = shorten(folder, space, symbols, "middle") if space >= 4 else ""
    gap = width - taken - cell_len(right) - (cell_len(named) + 2 if named else 0)
    if gap < 0:
        return [Span(fit("".join(span.text for span in left), width, symbols), "title", bold=True)]
    middle = [Span("  "), Span(named, "dim")] if named else []
    return [*left, *middle, Span(" " * gap), Span(right, "dim")]


# Sources


def task_facts(row: dict[str, Any], state: EngineState | None, symbols: Symbols) -> Facts:
    """Return what is shown of a source."""
    scan = queue.scan_of(state, row["scan"])
    task = queue.task_of(scan, row["number"])
    word = queue.state_word(row, scan, task)
    name = wording.short_path(row["path"])
    if word == "FAILED":
        return Facts(word, name, None, reason=clean(row["reason"]))
    if task is None or word in _ENDED:
        return _still(row, word, name, symbols)
    if task.frames_total is None and task.frames_done:
        said = clean(queue.slowest(task.steps))  # how many frames models will be shown is not known
        return Facts(word, name, None, rate=wording.rate(task.frames_per_second), reason=said)
    found = len(task.provisional_events)
    return Facts(
        word, name, _bar_of(task, word, symbols), wording.percent(share_of(task)),
        wording.rate(task.frames_per_second), clock(queue.left_seconds(task)),
        f"{found}+" if found else "",
    )  # fmt: skip


def _still(row: dict[str, Any], word: str, name: str, symbols: Symbols) -> Facts:
    """Return what is shown of a source that does not run."""
    ended = row["state"] in _ENDED
    marks = [Mark(share, kind_role(str(kind))) for share, kind in row.get("marks", ())]
    share = 1.0 if ended else None

    def bar(width: int) -> Sequence[Span]:
        return small(width, 1.0, marks, share, symbols, "faint", "faint")

    rate = wording.rate(row["frames"] / row["seconds"]) if ended and row["seconds"] else ""
    return Facts(word, name, bar, rate=rate, found=str(row["moments"]) if ended else "")


def _bar_of(task: TaskState, word: str, symbols: Symbols) -> Drawn:
    marks = [Mark(each.seconds, kind_role(each.kind)) for each in task.provisional_events]
    length, share = task.length_seconds or 0.0, share_of(task) or 0.0
    role: Role = "warn" if word == "paused" else "good"

    def bar(width: int) -> Sequence[Span]:
        return small(width, length, marks, share, symbols, role)

    return bar


def share_of(task: TaskState) -> float | None:
    """Return which share of a source is read; it is whole only when its result is there."""
    if not task.frames_total:
        return None
    return min(task.frames_done / task.frames_total, 0.999)


# Jobs of other kinds


def job_facts(row: dict[str, Any], state: EngineState | None, symbols: Symbols) -> Facts:
    """Return what is shown of a job of another kind than a scan."""
    job = queue.job_of(state, row["scan"])
    done, total = (job.done, job.total) if job else (row["done"], row["total"])
    share = min(done / total, 1.0) if total else None
    word = queue.job_word(row, job)
    kind = clean(row["kind"]).replace("-", " ") if row["known"] else "unknown"
    name = f"{row['scan']} {kind}  {wording.short_path(row['path'])}"
    if word == "FAILED":
        return Facts(word, name, None, reason=clean(row["reason"]))
    role: Role = {"run": "good", "paused": "warn"}.get(word, "faint")  # type: ignore[assignment]

    def bar(width: int) -> Sequence[Span]:
        return line_bar(share, width, symbols, role, empty="line")

    return Facts(word, name, bar, wording.percent(share) if share is not None else "")


# A line of parts


class _Widths(NamedTuple):
    name: int
    bar: int
    share: int
    rate: int
    left: int
    found: int


def widths(width: int) -> _Widths:
    """Divide what a line of `width` cells has beside the state; what matters least goes first."""
    ends = [_SHARE_CELLS, _RATE_CELLS, _LEFT_CELLS, _COUNT_CELLS]
    space = width - _STATE_CELLS
    for least in (2, 1, 3, 0):  # time left, frames a second, count, share
        if space - sum(ends) < _LEAST_NAME + 1 + _LEAST_BAR:
            ends[least] = 0
    space -= sum(ends) + 1
    if space < _LEAST_NAME + _LEAST_BAR:
        return _Widths(max(space + 1, 0), 0, *ends)
    bar = min(max(space * 9 // 20, _LEAST_BAR), _MOST_BAR)
    return _Widths(space - bar, bar, *ends)


def _line(facts: Facts, symbols: Symbols) -> Drawn:
    """Return what draws a source or a job in one line."""

    def drawn(width: int) -> Sequence[Span]:
        if width < _STATE_CELLS + 4:
            return [Span(fit(facts.state, width, symbols), _TONES.get(facts.state, "dim"))]
        wide = widths(width)
        head = [
            Span(fit(facts.state, _STATE_CELLS, symbols), _TONES.get(facts.state, "dim")),
            Span(fit(facts.name, wide.name, symbols, cut="middle"), "text"),
        ]
        return [*head, *_after_name(facts, wide, width, symbols)]

    return drawn


def _after_name(facts: Facts, wide: _Widths, width: int, symbols: Symbols) -> list[Span]:
    space = width - _STATE_CELLS - wide.name
    if not space:
        return []
    ends = _numbers(facts, wide, symbols)
    if facts.bar is None and not facts.rate:
        return [Span(" "), Span(fit(facts.reason, space - 1, symbols), "dim")]
    if facts.bar is None:
        return [Span(" "), Span(fit(facts.reason, wide.bar, symbols), "dim"), *ends]
    return [Span(" "), *facts.bar(wide.bar), *ends] if wide.bar else ends


def _numbers(facts: Facts, wide: _Widths, symbols: Symbols) -> list[Span]:
    """Return the numbers at the end of a line; a count that is not final stands out."""
    running = facts.state == "run"
    growing = facts.found.endswith("+")
    parts = (
        (facts.share, wide.share, "text"), (facts.rate, wide.rate, "text" if running else "faint"),
        (facts.left, wide.left, "dim"),
    )  # fmt: skip
    spans = [Span(fit(text, cells, symbols, "right"), role) for text, cells, role in parts if cells]  # type: ignore[arg-type]
    count = Span(fit(facts.found, wide.found, symbols, "right"), "warn" if growing else "text",
                 bold=growing)  # fmt: skip
    return [*spans, count] if wide.found else spans


def clock(seconds: float | None) -> str:
    """Return a length of time as 0:38 or 1:12:40; days from ten on."""
    text = wording.span(seconds)
    if text == "-":
        return ""
    return text[1:] if text.startswith("0") and text.count(":") == 1 else text
