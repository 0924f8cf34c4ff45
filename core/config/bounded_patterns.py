"""Regular expressions of a user's JSON schema, searched within a limited time.

Python's own `re` has no limit, and `(a+)+$` on forty letters runs for hours; `regex` has one. The
keywords of jsonschema that search patterns are replaced by ones that keep to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..text import clean

MOST_SECONDS = 1.0
"""for all patterns of one answer together"""
_DEADLINE: ContextVar[float | None] = ContextVar("deadline", default=None)


class TooSlow(Exception):
    """A pattern took longer than the limit."""


@contextmanager
def limited(seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Let all searches of the block together take so long; then they raise TooSlow."""
    token = _DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def searched(pattern: str, text: str) -> bool:
    """Return whether a pattern occurs in a text. Raises TooSlow."""
    import regex

    deadline = _DEADLINE.get()
    left = MOST_SECONDS if deadline is None else deadline - time.monotonic()
    try:
        if left > 0:
            return regex.search(pattern, text, timeout=left) is not None
    except TimeoutError:
        pass
    raise TooSlow(f"the pattern '{clean(pattern, limit=80)}' takes too long")


def check_pattern(pattern: Any) -> None:
    """Raise ValueError for what is no regular expression."""
    import regex

    try:
        regex.compile(pattern)
    except (regex.error, TypeError, RecursionError, OverflowError) as error:
        raise ValueError(
            f"'{clean(str(pattern), limit=80)}' is not a regular expression: {clean(str(error))}"
        ) from error


def with_limits(kind: Any) -> Any:
    """Return a validator class of jsonschema whose patterns are searched within the limit."""
    from jsonschema import validators

    extend: Any = validators.extend
    original = kind.VALIDATORS["additionalProperties"]

    def additional(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if validator.is_type(instance, "object") and schema.get("patternProperties"):
            schema = _resolved(schema, instance)
        yield from original(validator, wanted, instance, schema) or ()

    changed = {
        "pattern": _pattern, "patternProperties": _properties, "additionalProperties": additional,
    }  # fmt: skip
    return extend(kind, {name: each for name, each in changed.items() if name in kind.VALIDATORS})


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(instance, "string") and not searched(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _schema: Any
) -> Iterator[Any]:
    if validator.is_type(instance, "object"):
        for pattern, inner in patterns.items():
            for name, value in instance.items():
                if searched(pattern, name):
                    yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _resolved(schema: Mapping[str, Any], instance: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that names the properties of an instance in place of patterns."""
    patterns = schema["patternProperties"]
    matched = [name for name in instance if any(searched(each, name) for each in patterns)]
    named = {**schema.get("properties", {}), **dict.fromkeys(matched, True)}
    rest = {key: value for key, value in schema.items() if key != "patternProperties"}
    return {**rest, "properties": named}
