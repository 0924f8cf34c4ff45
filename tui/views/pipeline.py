"""The steps of a source's pipeline: how busy each is, what is queued, and who waits for whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.text import clean

from ..look.roles import Role
from ..widgets.cells import fit
from ..widgets.line_bar import line_bar
from ..widgets.painted import Span
from ..widgets.symbols import Symbols
from . import queue, wording

if TYPE_CHECKING:
    from core.protocol.state import StepState, TaskState

WAITING_SHARE = 0.2
"""a step that waits for this share of the time is said to wait"""
FULL_LINES = 5
"""with fewer, only the slowest step and the one after it have a line, and a sentence the rest"""
_NAME_CELLS, _SHARE_CELLS, _QUEUE_CELLS, _WORD_CELLS = 9, 5, 6, 8
_LEAST_BAR, _MOST_BAR = 4, 20


def steps(task: TaskState, width: int, height: int, symbols: Symbols) -> list[list[Span]]:
    """Return a line for each step; where there is little space, those that matter most."""
    if not task.steps:
        return [[Span("opening the source", "dim")]]
    slow, total = queue.slowest(task.steps), _total(task.steps)
    shown: Sequence[StepState] = task.steps
    if len(shown) > height:
        shown = sorted(shown, key=lambda step: -step.busy_seconds)[: max(height - 1, 1)]
    lines = [_line(step, total, slow, width, symbols) for step in shown]
    if len(shown) < len(task.steps) and len(lines) < height:
        lines.append([Span(fit(sentence(task.steps), width, symbols), "dim")])
    return lines


def sentence(steps: Sequence[StepState]) -> str:
    """Return which steps wait for which: `prepare, flash and write wait for read`."""
    slow, total = queue.slowest(steps), _total(steps)
    names = [clean(s.name, limit=40) for s in steps if s.name != slow and _waits(s, total)]
    if not slow or not names:
        return ""
    said = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"{said} {'wait' if len(names) > 1 else 'waits'} for {clean(slow, limit=40)}"


def _total(steps: Sequence[StepState]) -> float:
    """Return for how many seconds the steps worked or waited."""
    return max(
        (s.busy_seconds + s.waits_in_seconds + s.waits_out_seconds for s in steps), default=0.0
    )


def _waits(step: StepState, total: float) -> bool:
    return max(step.waits_in_seconds, step.waits_out_seconds) > WAITING_SHARE * total


def _line(step: StepState, total: float, slow: str, width: int, symbols: Symbols) -> list[Span]:
    share = step.busy_seconds / total if total > 0 else 0.0
    is_slow = step.name == slow
    word = "slowest" if is_slow else "waits" if _waits(step, total) else ""
    role: Role = "warn" if is_slow else "key"
    space = width - _NAME_CELLS - _SHARE_CELLS - _QUEUE_CELLS - _WORD_CELLS
    bar = line_bar(share, min(max(space, _LEAST_BAR), _MOST_BAR), symbols, role)
    return [
        Span(fit(step.name, _NAME_CELLS, symbols), "strong" if is_slow else "dim"), *bar,
        Span(fit(wording.percent(share), _SHARE_CELLS, symbols, "right"), "text"),
        Span(fit(f"{step.queued}/{step.capacity}", _QUEUE_CELLS, symbols, "right"), "dim"),
        Span(f" {word}", "warn" if is_slow else "faint"),
    ]  # fmt: skip
