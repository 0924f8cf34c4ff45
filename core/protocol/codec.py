"""Frozen dataclasses as JSON objects with a `type`, and back: commands, events and state."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


def to_json(value: Any) -> dict[str, Any]:
    """Return a dataclass as a JSON object whose `type` is the class's name."""
    return {"type": wire_name(type(value)), **dataclasses.asdict(value)}


def wire_name(class_: type[Any]) -> str:
    """Return what a class is called in JSON: its `WIRE_NAME`, or the name it has in code."""
    return str(getattr(class_, "WIRE_NAME", class_.__name__))


def from_json(body: dict[str, Any], classes: dict[str, type[T]]) -> T:
    """Return the dataclass an object names. Raises KeyError or TypeError for anything unknown."""
    fields = dict(body)
    found = classes[fields.pop("type")]
    return _built(found, fields)


def _built(found: type[T], fields: dict[str, Any]) -> T:
    hints = typing.get_type_hints(found)
    unknown = set(fields) - set(hints)
    if unknown:
        raise TypeError(f"{found.__name__} has no {', '.join(sorted(unknown))}")
    return found(**{key: _value(hints[key], value) for key, value in fields.items()})


def _value(hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if value is None:
        return None
    if origin in (types.UnionType, typing.Union):
        return _value(next(a for a in arguments if a is not type(None)), value)
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_value(arguments[0], item) for item in value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _built(hint, value)
    return value
