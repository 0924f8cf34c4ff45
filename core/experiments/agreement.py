"""When two answers of models are the same: to the letter, or but for the order of summing up.

Batches of another size sum in another order, so nothing a model computes is equal to the bit.
"""

from __future__ import annotations

from typing import Any

from ..inference.objects import from_runs
from ..stores.answers import Annotation

SAME_COSINE = 0.999
SAME_SHARE = 0.01
"""of a number (at least of 1), or of a mask's pixels, by which two answers may differ"""

Key = tuple[str, int, str]


def key_of(note: Annotation) -> Key:
    """Return what an annotation is about: stage, frame, and part of it."""
    return note.stage, note.frame, note.part


def same(one: Annotation, other: Annotation) -> bool:
    """Compare two answers, but for how long they took."""
    if one.vector is not None and other.vector is not None:
        return float(one.vector @ other.vector) >= SAME_COSINE
    return (one.vector is None) == (other.vector is None) and alike(_said(one), _said(other))


def _said(note: Annotation) -> dict[str, Any]:
    return {key: value for key, value in note.body.items() if key != "facts"}


def alike(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal, numbers within `SAME_SHARE`."""
    if isinstance(one, dict) and isinstance(other, dict):
        if "counts" in one and "counts" in other:
            return _same_mask(one, other)
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, (int, float)):
        return abs(one - other) <= SAME_SHARE * max(1.0, abs(one))
    return bool(one == other)


def _same_mask(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one["size"] != other["size"]:
        return False
    return float((from_runs(one) != from_runs(other)).mean()) <= SAME_SHARE
