"""Differences of two scans as files: Markdown, CSV, JUnit, JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from ...protocol.answer_facts import Distribution
from ...protocol.comparisons import sentence
from ...protocol.run_diff import ItemDiff, RunDiff, StageDiff, is_notable, percent
from ...storage.export.cells import rows_text, text_cell
from ...text import clean, clean_path, counted, json_text
from ...times import timecode

MOST_LETTERS = 2_000
MOST_LISTED = 200
"""items of an outcome in Markdown; the other formats have all"""
COLUMNS = ("stage", "path", "seconds", "part", "outcome", "why", "similarity", "before_state",
           "after_state", "before", "after", "before_facts", "after_facts")  # fmt: skip
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#~!])")


def rendered(found: RunDiff, ending: str) -> str:
    """Return a difference as text. Raises KeyError for an ending that is none of `ENDINGS`."""
    return _RENDERERS[ending](found)


def diff_json(found: RunDiff) -> dict[str, Any]:
    """Return a difference as one JSON object; each metric also in words."""
    body = {"type": "RunDiff", **asdict(found), "is_worse": found.is_worse}
    for stage, fields in zip(found.stages, body["stages"], strict=True):
        fields["metrics"] = [
            {**asdict(metric), "percent": percent(metric), "marked": is_notable(metric),
             "words": sentence(metric, "before", "after")}
            for metric in stage.metrics
        ]  # fmt: skip
    return body


def _json(found: RunDiff) -> str:
    return json_text(diff_json(found), indent=2) + "\n"


def _csv(found: RunDiff) -> str:
    return rows_text([COLUMNS, *(_cells(row) for row in found.rows)])


def _cells(row: ItemDiff) -> tuple[object, ...]:
    texts = (row.before, row.after, row.before_facts, row.after_facts)
    return (
        row.stage, text_cell(clean_path(row.path)), f"{row.seconds:g}", text_cell(row.about),
        row.outcome, text_cell(clean(row.why, limit=MOST_LETTERS)),
        "" if row.similarity is None else f"{row.similarity:.4f}", row.before_state,
        row.after_state, *(text_cell(clean(text, limit=MOST_LETTERS)) for text in texts),
    )  # fmt: skip


def _markdown(found: RunDiff) -> str:
    lines = [f"# Scan {found.before} to scan {found.after}", ""]
    lines += [f"- {_escaped(line)}" for line in found.summary]
    lines += [f"- not compared: {_escaped(note)}" for note in found.notes]
    lines += [line for stage in found.stages for line in _figures(stage)]
    for outcome in ("broken", "worse", "better", "changed", "gap"):
        rows = [row for row in found.rows if row.outcome == outcome]
        if rows:
            lines += ["", f"## {outcome} ({len(rows)})", ""]
            lines += [line for row in _listed(rows) for line in _markdown_item(row)]
        if len(rows) > MOST_LISTED:
            more = counted(len(rows) - MOST_LISTED, "more item is", "more items are")
            lines.append(f"{more} in the CSV and JSON formats.")
    return "\n".join(lines) + "\n"


def _figures(stage: StageDiff) -> Iterator[str]:
    """Yield a table of the figures of both scans, each of all its answers."""
    sides = [(name, facts) for name, facts in
             (("before", stage.before_facts), ("after", stage.after_facts)) if facts]  # fmt: skip
    rows = [(name, each) for name, facts in sides for each in facts.figures]
    if not rows:
        return
    yield from ("", f"## {stage.stage}: figures", "")
    yield "| figure | scan | answers | mean | median | p95 | spread | least | most |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for name, each in sorted(rows, key=lambda row: _place(row[1], rows)):
        values = (each.mean, each.median, each.p95, each.spread, each.low, each.high)
        cells = " | ".join(f"{value:.4g}" for value in values)
        unit = f" ({each.unit})" if each.unit else ""
        yield f"| {_escaped(each.name)}{unit} | {name} | {each.count} | {cells} |"


def _place(figure: Distribution, rows: Sequence[tuple[str, Distribution]]) -> int:
    return [each.name for _, each in rows].index(figure.name)


def _listed(rows: Sequence[ItemDiff]) -> list[ItemDiff]:
    """Return the first rows to list, the least alike first."""
    return sorted(rows, key=lambda row: row.similarity or 0.0)[:MOST_LISTED]


def _markdown_item(row: ItemDiff) -> Iterator[str]:
    why = f": {_escaped(row.why)}" if row.why else ""
    alike = "" if row.similarity is None else f", {row.similarity:.2f} alike"
    yield f"**{_escaped(place(row))}** ({row.stage}{alike}){why}"
    yield ""
    yield _word_diff(row)
    yield ""


def _word_diff(row: ItemDiff) -> str:
    if not row.pieces:
        return f"> {_escaped(row.before or row.after or 'no answer')}"
    marks = {"=": "", "-": "~~", "+": "**"}
    parts = [_marked(_escaped(piece.text), marks[piece.mark]) for piece in row.pieces]
    return "> " + "".join(parts)


def _marked(text: str, mark: str) -> str:
    """Return text within marks; spaces at its ends stay outside, as Markdown wants it."""
    inner = text.strip()
    return text if not (mark and inner) else text.replace(inner, f"{mark}{inner}{mark}", 1)


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", clean(text, limit=MOST_LETTERS))


def place(row: ItemDiff) -> str:
    """Return what an item is about: the file, and the time of a frame that is not its first."""
    at = f"@{timecode(row.seconds)}" if row.seconds else ""
    return f"{clean_path(row.path)}{at}"


def _junit(found: RunDiff) -> str:
    root = ElementTree.Element("testsuites", name=f"scan {found.before} to scan {found.after}")
    for stage in found.stages:
        rows = [row for row in found.rows if row.stage == stage.stage]
        failures = [row for row in rows if row.outcome in ("broken", "worse")]
        gaps = [row for row in rows if row.outcome == "gap"]
        suite = ElementTree.SubElement(
            root, "testsuite", name=stage.stage, tests=str(len(rows)),
            failures=str(len(failures)), skipped=str(len(gaps)), errors="0",
        )  # fmt: skip
        for row in rows:
            _junit_case(suite, row)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _junit_case(suite: ElementTree.Element, row: ItemDiff) -> None:
    name = f"{place(row)} {clean(row.about)}".strip()
    case = ElementTree.SubElement(suite, "testcase", classname=row.stage, name=name)
    kind = {"broken": "failure", "worse": "failure", "gap": "skipped"}.get(row.outcome)
    if kind is not None:
        message = f"{row.outcome}: {clean(row.why, limit=MOST_LETTERS)}"
        note = ElementTree.SubElement(case, kind, message=message)
        texts = (clean(text, limit=MOST_LETTERS) for text in (row.before, row.after))
        note.text = "before: {}\nafter: {}".format(*texts)


_RENDERERS: dict[str, Callable[[RunDiff], str]] = {
    ".md": _markdown, ".csv": _csv, ".xml": _junit, ".json": _json,
}  # fmt: skip
