"""What is wrong with a value of a setting, in our own words instead of pydantic's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..text import clean, counted

if TYPE_CHECKING:
    from pydantic import ValidationError

_KINDS = {
    "bool": "true or false", "int": "a whole number", "float": "a number", "string": "text",
    "tuple": "a list in square brackets", "list": "a list in square brackets",
    "set": "a list in square brackets", "frozen_set": "a list in square brackets",
    "dict": "a table", "mapping": "a table",
    "model": "a table", "model_attributes": "a table", "dataclass": "a table",
    "finite_number": "a finite number", "none_required": "left out",
}  # fmt: skip
_ENDINGS = ("_type", "_parsing", "_from_float", "_parsing_size", "_sub_type", "_unicode")
_LIMITS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda limits: f"greater than {limits['gt']:g}",
    "greater_than_equal": lambda limits: f"at least {limits['ge']:g}",
    "less_than": lambda limits: f"less than {limits['lt']:g}",
    "less_than_equal": lambda limits: f"at most {limits['le']:g}",
    "literal_error": lambda limits: str(limits["expected"]),
    "string_too_short": lambda limits: _long("at least", limits["min_length"], "character"),
    "string_too_long": lambda limits: _long("at most", limits["max_length"], "character"),
    "too_short": lambda limits: _long("at least", limits["min_length"], "item"),
    "too_long": lambda limits: _long("at most", limits["max_length"], "item"),
    "string_pattern_mismatch": lambda limits: f"text that matches {limits['pattern']}",
}


def complaint(error: ValidationError) -> tuple[str, str]:
    """Return the setting that the first error is about, and what is wrong with its value."""
    found = error.errors()
    key = _key(found[0])
    of_key = [each for each in found if _key(each) == key]
    wanted = list(dict.fromkeys(filter(None, map(_wanted, of_key))))
    if len(wanted) != len(of_key) or not wanted:
        return key, _other(found[0])
    return key, f"must be {', or '.join(wanted)}"


def described(error: ValidationError) -> str:
    """Return the first error as `key = value: what is wrong`."""
    key, words = complaint(error)
    given = clean(repr(error.errors()[0].get("input")), limit=80)
    return f"{clean(key)} = {given}: {clean(words)}"


def _key(found: Any) -> str:
    """Return the dotted name of a setting; what pydantic adds for a union is left out."""
    parts = found["loc"]
    return ".".join(str(part) for part in parts if isinstance(part, int) or _is_name(part))


def _is_name(part: str) -> bool:
    plain = part.removeprefix("constrained-")
    return "[" not in part and "(" not in part and plain not in ("int", "str", "float", "bool")


def _wanted(found: Any) -> str:
    """Return what a value must be; empty for an error of another kind."""
    kind = str(found["type"])
    if kind in _LIMITS:
        given = found.get("input")
        if isinstance(given, float) and math.isnan(given):
            return "a number"
        return _LIMITS[kind](found.get("ctx", {}))
    stem = next((kind.removesuffix(each) for each in _ENDINGS if kind.endswith(each)), kind)
    return _KINDS.get(stem, "")


def _other(found: Any) -> str:
    """Return the message of a check of our own, or what is missing or not known."""
    if found["type"] == "missing":
        return "is missing"
    if found["type"] == "extra_forbidden":
        return "is not known"
    return str(found["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _long(limit: str, count: int, what: str) -> str:
    return (
        "given, not empty"
        if (limit, count) == ("at least", 1)
        else (f"{limit} {counted(count, what)} long")
    )
