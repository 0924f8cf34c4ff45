"""Frozen dataclasses as JSON objects with a `type`, and back: by the types their fields declare.

A dataclass becomes an object of its fields; a field that may hold one of several dataclasses adds
the `type`. `Path` becomes a string, `bytes` base64, a tuple a list. On the way back every field is
checked against its type: what crosses a socket is from outside.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..text import counted

T = TypeVar("T")
_NONE = type(None)


def to_json(value: Any) -> dict[str, Any]:
    """Return a dataclass as a JSON object whose `type` is the class's name."""
    return {"type": wire_name(type(value)), **_encoded_fields(value)}


def wire_name(class_: type[Any]) -> str:
    """Return what a class is called in JSON: its `WIRE_NAME`, or the name it has in code."""
    return str(getattr(class_, "WIRE_NAME", class_.__name__))


def from_json(body: dict[str, Any], classes: dict[str, type[T]]) -> T:
    """Return the dataclass an object names. Raises KeyError or TypeError for anything unknown."""
    if not isinstance(body, dict):
        raise TypeError("not an object")
    fields = dict(body)
    name = fields.pop("type")
    if not isinstance(name, str):
        raise TypeError("type: not a string")
    return _built(classes[name], fields)


def encoded(hint: Any, value: Any) -> Any:
    """Return a value of a declared type as JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = _encoded_fields(value)
        return {"type": wire_name(type(value)), **fields} if _is_tagged(hint) else fields
    if isinstance(value, (tuple, list)):
        return [encoded(_item_hint(hint, n), item) for n, item in enumerate(value)]
    if isinstance(value, dict):
        inner = _value_hint(hint)
        return {key: encoded(inner, item) for key, item in value.items()}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value


def decoded(hint: Any, value: Any, where: str = "") -> Any:
    """Return the value of a declared type that JSON stands for. Raises TypeError if it does not."""
    if hint is Any or isinstance(hint, TypeVar):
        return value
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _one_of(typing.get_args(hint), value, where)
    if origin is typing.Literal:
        return _checked(value in typing.get_args(hint), hint, value, where)
    if origin is tuple:
        return _tuple(typing.get_args(hint), value, where)
    if origin is list:
        return list(_tuple((typing.get_args(hint)[0], ...), value, where))
    if origin is dict:
        return _dict(typing.get_args(hint), value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _built(hint, _checked(isinstance(value, dict), hint, value, where))
    return _SCALARS.get(hint, _as_it_is)(hint, value, where)


def _encoded_fields(value: Any) -> dict[str, Any]:
    class_: Any = type(value)  # a class is hashable, which mypy does not know
    hints = _hints(class_)
    return {name: encoded(hint, getattr(value, name)) for name, hint in hints.items()}


@functools.cache
def _hints(class_: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields in order."""
    hints = typing.get_type_hints(class_)
    return {field.name: hints[field.name] for field in dataclasses.fields(class_)}


@functools.cache
def _required(class_: Any) -> tuple[str, ...]:
    missing = dataclasses.MISSING
    return tuple(
        field.name for field in dataclasses.fields(class_)
        if field.default is missing and field.default_factory is missing
    )  # fmt: skip


def _built(found: type[T], fields: dict[str, Any]) -> T:
    class_: Any = found
    hints, name = _hints(class_), wire_name(found)
    unknown = set(fields) - set(hints)
    if unknown:
        raise TypeError(f"{name} has no {', '.join(sorted(map(str, unknown)))}")
    lacking = [each for each in _required(class_) if each not in fields]
    if lacking:
        raise TypeError(f"{name} lacks {', '.join(lacking)}")
    values = {key: decoded(hints[key], item, f"{name}.{key}") for key, item in fields.items()}
    return found(**values)


def _is_tagged(hint: Any) -> bool:
    """Return whether a field may hold one of several dataclasses, so that JSON must say which."""
    return len(_dataclasses_of(typing.get_args(hint))) > 1 and _is_union(hint)


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (types.UnionType, typing.Union)


def _dataclasses_of(hints: tuple[Any, ...]) -> dict[str, type[Any]]:
    found = (each for each in hints if isinstance(each, type) and dataclasses.is_dataclass(each))
    return {wire_name(each): each for each in found}


def _one_of(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and _NONE in hints:
        return None
    tagged = _dataclasses_of(hints)
    if len(tagged) > 1 and isinstance(value, dict):
        if value.get("type") not in tagged:
            raise TypeError(f"{where}: its type is not one of {', '.join(tagged)}")
        return from_json(value, tagged)
    error = TypeError(f"{where}: null is not expected")
    for hint in hints:
        try:
            return value if hint is _NONE and value is None else decoded(hint, value, where)
        except TypeError as wrong:
            error = error if hint is _NONE else wrong
    raise error


def _tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _checked(isinstance(value, (list, tuple)), tuple, value, where)
    if hints[-1:] == (...,):
        return tuple(decoded(hints[0], item, where) for item in value)
    if len(value) != len(hints):
        expected = counted(len(hints), "value is", "values are")
        raise TypeError(f"{where}: {expected} expected, not {len(value)}")
    return tuple(decoded(hint, item, where) for hint, item in zip(hints, value, strict=True))


def _dict(hints: tuple[Any, ...], value: Any, where: str) -> dict[Any, Any]:
    _checked(isinstance(value, dict), dict, value, where)
    key_hint, item_hint = hints
    if item_hint is Any:
        return dict(value)
    keys = (int(key) if key_hint is int else key for key in value)
    return {
        key: decoded(item_hint, item, where) for key, item in zip(keys, value.values(), strict=True)
    }


def _item_hint(hint: Any, number: int) -> Any:
    """Return the type of an item of a tuple or list, also where the field may be None."""
    found = _of_origin(hint, (tuple, list))
    if len(found) == 2 and found[1] is not ...:
        return found[number] if number < len(found) else Any
    return found[0] if found[-1:] == (...,) or len(found) == 1 else Any


def _value_hint(hint: Any) -> Any:
    found = _of_origin(hint, (dict,))
    return found[1] if len(found) == 2 else Any


def _of_origin(hint: Any, origins: tuple[type, ...]) -> tuple[Any, ...]:
    options = typing.get_args(hint) if _is_union(hint) else (hint,)
    return next((typing.get_args(o) for o in options if typing.get_origin(o) in origins), ())


def _checked(is_right: bool, hint: Any, value: Any, where: str) -> Any:
    if not is_right:
        expected = getattr(hint, "__name__", "") if isinstance(hint, type) else str(hint)
        raise TypeError(f"{where}: {expected} is expected, not {type(value).__name__}")
    return value


def _integer(hint: Any, value: Any, where: str) -> Any:
    return _checked(isinstance(value, int) and not isinstance(value, bool), hint, value, where)


def _number(hint: Any, value: Any, where: str) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(_checked(is_number, hint, value, where))


def _exactly(hint: Any, value: Any, where: str) -> Any:
    return _checked(type(value) is hint, hint, value, where)


def _path(hint: Any, value: Any, where: str) -> Any:
    return Path(_checked(isinstance(value, str), hint, value, where))


def _bytes(hint: Any, value: Any, where: str) -> Any:
    try:
        return base64.b64decode(_checked(isinstance(value, str), hint, value, where), validate=True)
    except binascii.Error as error:
        raise TypeError(f"{where}: not base64") from error


def _as_it_is(_hint: Any, value: Any, _where: str) -> Any:
    return value


_SCALARS: dict[Any, Callable[[Any, Any, str], Any]] = {
    int: _integer, float: _number, str: _exactly, bool: _exactly, Path: _path, bytes: _bytes,
}  # fmt: skip
