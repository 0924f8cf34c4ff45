"""What a person types to narrow a list: words, and conditions such as `score>0.5`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from ..errors import UsageError
from ..text import clean, nearest
from ..times import parse_time

_CONDITION = re.compile(r"^([a-z]+)(:|>=|<=|>|<|=)(.+)$")
_FLAGS = ("marked", "accepted", "rejected")
_NUMBERS = ("score", "energy", "strokes", "time")
_NAMES = (*_NUMBERS, "kind", "file", "is")


@dataclass
class Filter:
    """A filter taken apart; `numbers` are (what, comparison, number), scores apart from them."""

    words: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    scores: list[tuple[str, float]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    numbers: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def accepted(self) -> bool | None:
        """Return whether only accepted, or only rejected, rows are wanted."""
        if {"accepted", "rejected"} <= self.flags:
            return None
        if "accepted" in self.flags:
            return True
        return False if "rejected" in self.flags else None

    @property
    def about_events(self) -> bool:
        """Return whether a condition is one that only events and candidates can fulfil."""
        apart = [each for each in self.numbers if each[0] != "time"]
        return bool(self.kinds or self.scores or apart or self.accepted is not None)


def parse(text: str) -> Filter:
    """Return a filter. Raises UsageError naming the part that is none."""
    found = Filter()
    for part in text.split():
        condition = _CONDITION.match(part)
        if condition is None or not _is_condition(*condition.groups()):
            found.words.append(part)
        else:
            _add(found, *condition.groups())
    return found


def _is_condition(name: str, sign: str, value: str) -> bool:
    """Return whether a word is a condition. Raises UsageError for a mistyped one."""
    if name in _NAMES:
        return True
    hint = nearest(name, list(_NAMES))
    if hint or sign[0] in "<>":
        known = hint or f"; known: {', '.join(_NAMES)}"
        raise UsageError(f"'{name}{sign}{clean(value)}': no condition '{name}'{known}")
    return False


def _add(found: Filter, name: str, sign: str, value: str) -> None:
    if name in _NUMBERS:
        _add_number(found, name, "=" if sign == ":" else sign, value)
    elif sign not in (":", "="):
        raise UsageError(f"'{name}{sign}{clean(value)}': write {name}:{clean(value)}")
    elif name == "kind":
        found.kinds += value.split(",")
    elif name == "file":
        found.files.append(value)
    elif value not in _FLAGS:
        hint = nearest(value, list(_FLAGS))
        raise UsageError(f"is:{clean(value)}: known are {', '.join(_FLAGS)}{hint}")
    else:
        found.flags.add(value)


def _add_number(found: Filter, name: str, sign: str, value: str) -> None:
    if name == "score":
        found.scores.append((sign, _number(name, value)))
    else:
        found.numbers.append((name, sign, _number(name, value)))


def _number(name: str, value: str) -> float:
    try:
        number = parse_time(value) if name == "time" else float(value)
    except ValueError:
        number = math.nan
    if not math.isnan(number):
        return number
    example = "time>83.5 or time>00:01:23.500" if name == "time" else f"{name}>0.5"
    raise UsageError(f"{name}: '{clean(value)}' is not a number; write {example}")
