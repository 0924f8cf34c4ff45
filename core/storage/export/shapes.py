"""Records as plain JSON values: the one place that decides how each is written out."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

import numpy as np

from ...records import Candidate, Event, SourceInfo, Stroke
from ...text import file_uri, json_text
from .document import Document, FrameNotes, StageAnswer, Summary

SECONDS_DECIMALS = 6


def plain(value: Any) -> Any:
    """Return `value` as JSON types: NaN and infinities become None, free keys are sorted."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def seconds(value: float | None) -> float | None:
    """Return seconds rounded to 6 decimals (never -0.0), or None for what is no number."""
    if value is None or not isfinite(value):
        return None
    return round(float(value), SECONDS_DECIMALS) + 0.0


def record(value: SourceInfo | Event | Candidate | Stroke) -> dict[str, Any]:
    """Return every field of a record in its own order; fields in seconds are rounded.

    A source has its path as a URI behind its path (see `text.file_uri`).
    """
    out: dict[str, Any] = {}
    for each in fields(value):
        if each.name == "reading":  # the library's own note
            continue
        found = getattr(value, each.name)
        if each.name == "seconds" or each.name.endswith("_seconds"):
            out[each.name] = seconds(found)
        elif isinstance(found, tuple) and found and is_dataclass(found[0]):
            out[each.name] = [record(part) for part in found]
        else:
            out[each.name] = plain(found)
        if each.name == "path":
            out["uri"] = file_uri(found)
    return out


def look(notes: FrameNotes) -> dict[str, Any]:
    """Return one frame's notes; vectors and masks are in files of their own.

    `answers` is there only where a stage answered that no other field has a place for, `gated` only
    where the frame was kept from a model.
    """
    found = {
        "frame": notes.frame,
        "seconds": seconds(notes.seconds),
        "tags": plain(notes.tags),
        "caption": plain(notes.caption),
        "objects": [
            {
                "label": thing.label,
                "score": thing.score,
                "box": plain(thing.box),
                "track": thing.track,
                "description": plain(thing.description),
            }
            for thing in notes.things
        ],
        "failures": [{"stage": stage, "reason": reason} for stage, reason in notes.failures],
    }
    if notes.gated:
        found["gated"] = [{"stage": stage, "reason": reason} for stage, reason in notes.gated]
    if notes.answers:
        found["answers"] = [_stage_answer(each) for each in notes.answers]
    return found


def _stage_answer(answer: StageAnswer) -> dict[str, Any]:
    return {each.name: plain(getattr(answer, each.name)) for each in fields(answer)}


def heading(document: Document) -> dict[str, Any]:
    """Return what says of which source and spec an export is."""
    return {
        "source": record(document.source),
        "spec": {"profile": document.profile, "hash": document.spec_hash},
        "frames": int(document.frames),
    }


def summary_fields(summary: Summary) -> dict[str, Any]:
    """Return a scan's summary; moments are called events, as in every other export."""
    tasks = [
        {each.name: plain(getattr(task, each.name)) for each in fields(task)}
        for task in summary.tasks
    ]
    for task in tasks:
        task["events"] = task.pop("moments")
        task["uri"] = file_uri(task["path"])
    return {
        "scan": summary.scan,
        "profile": summary.profile,
        "spec_hash": summary.spec_hash,
        "state": summary.state,
        "filter": summary.narrowed,
        "tasks": tasks,
        "duplicates": plain(summary.duplicates),
    }


def dumps(value: Any, *, indent: int | None = 2) -> str:
    """Return JSON in ASCII only, so that a hostile name is harmless in a terminal.

    What is not valid Unicode is made so: see `text.readable`.
    """
    return json_text(value, indent=indent)
