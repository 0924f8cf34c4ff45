"""What models and people said about a source as rows: one for each tag, text, object, verdict.

Which stage said it, and what it is, comes from the stages' declarations: an answer of a stage that
is not known here has a row too, with its line and its body.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from .document import DetectedObject, Document, FrameNotes

EVENT = "event"
"""what rows and lines about events are called"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was said; `box` is x, y, width, height in source pixels."""

    result: str
    """tag, caption, object, description, vector, answer, verdict, failure or remark"""
    stage: str
    frame: int
    seconds: float | None
    label: str = ""
    score: float | None = None
    box: tuple[float, float, float, float] | None = None
    track: int | None = None
    text: str = ""
    body: Mapping[str, Any] | None = None
    """the whole answer, where the other fields do not hold it"""


def findings(document: Document) -> Iterator[Finding]:
    """Yield what was said, frame by frame, then about candidates, then by a person."""
    for notes in document.frame_notes:
        yield from of_frame(notes)
    lines = document.verdict_lines or ("",) * len(document.verdicts)
    for verdict, line in zip(document.verdicts, lines, strict=True):
        yield _verdict(verdict, line, document.verdict_stage)
    for remark in document.remarks:
        tags = ", ".join(remark["tags"] or ())
        text = remark["caption"] or ""
        yield Finding("remark", "", remark["frame"], None, tags, text=text, body=remark)


def has_objects(document: Document) -> bool:
    """Return whether an object was detected in any frame."""
    return any(notes.things for notes in document.frame_notes)


def of_frame(notes: FrameNotes) -> Iterator[Finding]:
    """Yield what was said about one frame."""

    def finding(result: str, slot: str, **fields: Any) -> Finding:
        return Finding(result, notes.stages.get(slot, ""), notes.frame, notes.seconds, **fields)

    for tag in notes.tags:
        yield finding("tag", "tags", label=str(tag["tag"]), score=_number(tag.get("score")))
    if notes.caption is not None:
        yield finding("caption", "caption", text=str(notes.caption["text"]))
    for thing in notes.things:
        about = Finding("object", "", notes.frame, notes.seconds, **_about(thing))
        yield about if thing.drawn else finding("object", "objects", **_about(thing))
        if thing.description is not None:
            text = str(thing.description["text"])
            yield finding("description", "description", **{**_about(thing), "text": text})
    for answer in notes.answers:
        yield Finding(
            "answer", answer.stage, notes.frame, notes.seconds, label=answer.part,
            text=answer.line, body=answer.body,
        )  # fmt: skip
    for stage, reason in notes.failures:
        yield Finding("failure", stage, notes.frame, notes.seconds, text=reason)


def _about(thing: DetectedObject) -> dict[str, Any]:
    return {
        "label": thing.label, "score": _number(thing.score), "box": thing.box,
        "track": thing.track,
    }  # fmt: skip


def _verdict(verdict: Mapping[str, Any], line: str, stage: str) -> Finding:
    return Finding(
        "verdict",
        stage,
        int(verdict["frame"]),
        float(verdict["seconds"]),
        label=str(verdict.get("state", "")),
        score=_number(verdict.get("confidence")),
        text=line or str(verdict.get("text", "")),
        body=verdict,
    )


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and isfinite(value) else None
