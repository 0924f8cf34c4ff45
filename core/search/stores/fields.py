"""Fields of payloads: what each is, what a filter may ask of it, and the checks every store makes.

Qdrant Edge answers a filter on an unknown field with nothing, and a NaN query with arbitrary
points, both without an error. So they are refused here, before any store sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...text import clean, nearest
from .protocol import Condition, Filter, Near, OneOf, Point, Query, Range

FieldKind = Literal["keyword", "number", "place"]
FIELDS: dict[str, FieldKind] = {
    "content": "keyword",
    "kind": "keyword",
    "part": "keyword",
    "label": "keyword",
    "path": "keyword",
    "folder": "keyword",
    "camera": "keyword",
    "tag": "keyword",
    "model": "keyword",
    "frame": "number",
    "seconds": "number",
    "date": "number",
    "score": "number",
    "place": "place",
}
"""By name, as payload indexes are made of them.

`content` is the hash of the file; `kind` is `video` or `picture`; `part` is `frame` or `object`;
`label` the name of the object; `path` a list of all known paths, `folder` of all folders above
them; `tag` a list; `frame` and `seconds` the exact frame and its time; `date` the time of recording
in seconds since 1970 (local time of the camera taken as UTC); `score` the highest score of an event
at this frame; `place` a mapping with `lat` and `lon`. A field that is not known is missing.
"""
STORED_ONLY = ("box", "mean", "spread", "at")
"""fields that no filter asks for; `box` is x, y, width, height in source pixels"""
_TAKES: dict[type, tuple[FieldKind, ...]] = {
    OneOf: ("keyword", "number"),
    Range: ("number",),
    Near: ("place",),
}
_UNIT = 1e-2
"""how far the length of a vector may be from 1: in bfloat16 it is off by 0.004"""


def epoch(text: str) -> float | None:
    """Return an ISO date in seconds since 1970, without a zone taken as UTC; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def check_filter(which: Filter | None) -> None:
    """Raise UsageError for a field that no payload has, or a condition it cannot fulfil."""
    for condition in (*which.must, *which.must_not) if which else ():
        _check_condition(condition)


def _check_condition(condition: Condition) -> None:
    kind = FIELDS.get(condition.field)
    if kind is None:
        hint = nearest(condition.field, list(FIELDS)) or f"; known: {', '.join(FIELDS)}"
        raise UsageError(f"no field '{clean(condition.field)}' in the index{hint}")
    if kind not in _TAKES[type(condition)]:
        raise UsageError(f"the field '{condition.field}' is a {kind}: it cannot be filtered so")
    numbers = _numbers(condition)
    if not np.isfinite(numbers).all():
        raise UsageError(f"the filter on '{condition.field}' has a value that is no number")


def _numbers(condition: Condition) -> list[float]:
    if isinstance(condition, Near):
        return [condition.latitude, condition.longitude, condition.kilometres]
    if isinstance(condition, Range):
        bounds = (condition.gte, condition.lte, condition.gt, condition.lt)
        return [each for each in bounds if each is not None]
    return []


def check_query(query: Query, dimension: int) -> NDArray[np.float32]:
    """Return the query as float32 (dimension,). Raises UsageError if nothing can be found by it."""
    vector = np.asarray(query.vector, np.float32)
    if vector.shape != (dimension,):
        raise UsageError(
            f"the query has dimension {vector.size} and the index {dimension}: they are of "
            "different models"
        )
    if not np.isfinite(vector).all() or not np.isfinite(query.weight):
        raise UsageError("the query vector has values that are no numbers")
    if not vector.any():
        raise UsageError("the query vector is zero: it is similar to nothing")
    if query.limit < 0 or query.offset < 0:
        raise UsageError("limit and offset must not be negative")
    check_filter(query.filter)
    return vector


def check_points(points: Sequence[Point], dimension: int) -> None:
    """Raise UsageError for a vector that would be found wrongly or never."""
    for point in points:
        problem = _problem(point, dimension)
        if problem:
            raise UsageError(f"vector {point.id} cannot be indexed: {problem}")


def _problem(point: Point, dimension: int) -> str:
    if point.vector.shape != (dimension,):
        return f"it has dimension {point.vector.size} and the index {dimension}"
    length = float(np.linalg.norm(point.vector.astype(np.float64)))
    if not np.isfinite((length, point.mean, point.spread)).all():
        return "it has values that are no numbers"
    if length == 0:
        return "it is zero"
    if abs(length - 1) > _UNIT:
        return f"its length is {length:.3f}, not 1"
    if point.spread <= 0:
        return "its spread over the background sentences is not positive"
    return _strange_field(point.payload)


def _strange_field(payload: Any) -> str:
    strange = [each for each in payload if each not in FIELDS and each not in STORED_ONLY]
    return f"unknown field '{clean(strange[0])}'" if strange else ""
