"""Records as plain JSON values: the one place that decides how each is written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, lru_cache
from itertools import repeat
from math import isfinite
from operator import attrgetter
from typing import Any

import numpy as np

from ...records import Candidate, Event, SourceInfo, Stroke
from ...text import file_uri, json_text
from .document import Document, FrameNotes, StageAnswer, Summary, TaskLine

SECONDS_DECIMALS = 6
_AS_THEY_ARE = frozenset((str, int, bool))
"""types whose values are JSON's own"""
_DONE = _AS_THEY_ARE | {type(None)}
_EMPTY: dict[type, type] = {dict: dict, tuple: list}


def plain(value: Any) -> Any:
    """Return `value` as JSON types: NaN and infinities become None, free keys are sorted."""
    if value is None or type(value) in _AS_THEY_ARE or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if not value and type(value) in _EMPTY:
        return _EMPTY[type(value)]()
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


def record(value: SourceInfo | Event | Candidate | Stroke | TaskLine) -> dict[str, Any]:
    """Return every field of a record in its own order; fields in seconds are rounded.

    A source has its path as a URI behind its path (see `text.file_uri`).
    """
    kind: Any = type(value)
    names, times = _names_of(kind)
    out: dict[str, Any] = dict(zip(names, _values_of(kind)(value), strict=True))
    for name in times:
        out[name] = seconds(out[name])
    for name, found in out.items():
        if type(found) not in _DONE:
            out[name] = _field(found)
    if "path" in out:
        return {"path": out.pop("path"), "uri": file_uri(value.path), **out}  # type: ignore[union-attr]
    return out


def _field(found: Any) -> Any:
    """Return what a field of a record holds, other than text and whole numbers."""
    if type(found) is float:
        return found if isfinite(found) else None
    if type(found) in _EMPTY and not found:
        return _EMPTY[type(found)]()
    if isinstance(found, tuple) and is_dataclass(found[0]):
        return [record(part) for part in found]
    return plain(found)


@cache
def _names_of(kind: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the fields of a record, and of those in seconds."""
    named = _fields_of(kind)
    return tuple(name for name, _ in named), tuple(name for name, is_time in named if is_time)


@cache
def _fields_of(kind: Any) -> tuple[tuple[str, bool], ...]:
    """Return the fields of a record, and whether each is a time in seconds."""
    return tuple(
        (each.name, each.name == "seconds" or each.name.endswith("_seconds"))
        for each in fields(kind)
        if each.name != "reading"  # the library's own note
    )


@cache
def _values_of(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Return what reads the fields of a record at once."""
    return attrgetter(*(name for name, _ in _fields_of(kind)))


def look(notes: FrameNotes, *, masks: bool = False) -> dict[str, Any]:
    """Return one frame's notes; vectors are in a file of their own.

    With `masks` each object has its `mask`: run lengths at the size the frame was shown, or null.
    `answers` is there only where a stage answered that no other field has a place for, `gated` only
    if the frame was excluded from a model.
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
                **({"mask": plain(thing.mask)} if masks else {}),
                **({"drawn": True} if thing.drawn else {}),
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


def event_records(document: Document) -> Iterator[dict[str, Any]]:
    """Yield every field of each event, and what a person said of it: null for nothing."""
    said = document.event_judgements
    return (record(each) | {"judgement": said.get(each.number)} for each in document.moments)


def candidate_records(document: Document) -> Iterator[dict[str, Any]]:
    """Yield every field of each candidate, and what a person said of it: null for nothing."""
    said = document.candidate_judgements or repeat("")
    for each, judgement in zip(document.candidates, said, strict=False):
        yield record(each) | {"judgement": judgement or None}


def heading(document: Document) -> dict[str, Any]:
    """Return what says of which source and spec an export is."""
    return {
        "source": record(document.source),
        "spec": _spec(document.profile, document.spec_hash),
        "frames": int(document.frames),
    }


@lru_cache(8)
def _spec(profile: str, spec_hash: str) -> Rendered:
    """Return the spec as JSON: all sources of a scan have the same."""
    return Rendered(dumps({"profile": profile, "hash": spec_hash}, indent=None))


def summary_fields(summary: Summary) -> dict[str, Any]:
    """Return a scan's summary; moments are called events, as in every other export."""
    tasks = [record(task) for task in summary.tasks]
    for task in tasks:
        task["events"] = task.pop("moments")
        task["uri"] = task.pop("uri")  # the last
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


def dumps_lines(body: Mapping[str, Any]) -> str:
    """Return a JSON object with one line for each key, and for each item of a list of objects.

    Keys are plain names. Made of parts that the compiled encoder writes, for many small files.
    """
    lines = (f'  "{key}": {_value_lines(value)}' for key, value in body.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _value_lines(value: Any) -> str:
    if isinstance(value, Rendered):
        return value.text
    if value is None:
        return "null"
    if not value and isinstance(value, (list, dict)):
        return "[]" if isinstance(value, list) else "{}"
    if type(value) is int:
        return str(value)
    if value == "":
        return '""'
    if not isinstance(value, list) or not isinstance(value[0], dict):
        return dumps(value, indent=None)
    items = ",\n".join(f"    {dumps(item, indent=None)}" for item in value)
    return f"[\n{items}\n  ]"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A value that is JSON already."""

    text: str
