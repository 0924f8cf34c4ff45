"""What a round of judging came to, the cut-off as a line, and scans to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.protocol.requests.review import Histogram
from core.protocol.scores import JudgedEvents, JudgedScore
from core.text import clean, counted

from ..widgets.line import LineSpan
from ..widgets.symbols import Symbols
from ..widgets.text_pane import TextLine
from . import wording
from .cutoff import STEPS, CutOffs, precision

SCALE_CELLS = 20


def sign(judgement: str, symbols: Symbols) -> str:
    """Return the sign of a judgement, or that there is none."""
    signs = {"right": symbols.right, "wrong": symbols.wrong, "unsure": symbols.unsure}
    return signs.get(judgement, symbols.unjudged)


def cut_line(cuts: CutOffs, kind: str, width: int, symbols: Symbols) -> list[LineSpan]:
    """Return the cut-off of a kind: a scale with its knob, the score, and what it leaves."""
    step = cuts.steps.get(kind, 0)
    every, above = cuts.of_kind(kind)
    counts = f"{every}{symbols.becomes}{above}" if step else str(every)
    score = f"{step / STEPS:.2f}" if step else "off "
    left, right = "cut-off ", f" {score}  {clean(kind)} {counts}"
    cells = max(min(SCALE_CELLS, width - len(left) - len(right)), 3)
    knob = min(step * cells // STEPS, cells - 1)
    return [
        LineSpan(left, "dim"), LineSpan(symbols.horizontal * knob, "dim"),
        LineSpan(symbols.knob, "strong"), LineSpan(symbols.horizontal * (cells - knob - 1), "warn"),
        LineSpan(f" {score}", "warn"), LineSpan(f"  {clean(kind)} ", "dim"),
        LineSpan(counts, "strong"),
    ]  # fmt: skip


def summary(score: JudgedScore, keys: Mapping[str, str], dash: str) -> list[TextLine]:
    """Return what a round came to: counts, precision, the cut-off it suggests, what leads on."""
    every = score.all
    lines: list[TextLine] = [
        ("strong", f"all judged: {_said(every)}   {precision(every.right, every.wrong, dash)}"),
        *(("text", line) for each in score.kinds if (line := _suggested(each))),
        (
            "text",
            f"{keys['results.export']} export the right ones   {keys['results.tune']} tune   "
            f"{keys['results.rejected']} rejected   {keys['judge.undo']} undo",
        ),
    ]
    if len(score.kinds) > 1:
        lines += [f"{clean(each.kind)}: {_said(each)}" for each in score.kinds if each.events]
    return lines


def scan_line(row: Mapping[str, Any], judged: Histogram) -> str:
    """Return a scan in one line: number, profile, state, what was found and how much is judged."""
    events = sum(judged.events)
    said = sum(judged.right) + sum(judged.wrong) + sum(judged.unsure)
    paths = [wording.short_path(str(path)) for path in row["asked"]]
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return (
        f"{row['scan']:>4}  {clean(str(row['profile']))}  {row['state']}  "
        f"{counted(events, 'event')}, {said} judged  {paths[0] if paths else ''}{more}"
    )


def _said(judged: JudgedEvents) -> str:
    return f"{judged.right} right, {judged.wrong} wrong, {judged.unsure} unsure"


def _suggested(judged: JudgedEvents) -> str:
    cut = judged.cut_off
    if cut is None:
        return ""
    return (
        f"{clean(judged.kind)}: cut-off {cut.score:.2f} keeps {cut.kept_right} of "
        f"{counted(cut.right, 'right event')} and drops {cut.dropped_wrong} of "
        f"{counted(cut.wrong, 'wrong event')}"
    )
