"""What a person types to narrow a list: words, and conditions such as `score>0.5`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..errors import UsageError
from ..text import clean, nearest

_CONDITION = re.compile(r"^([a-z]+)(:|>=|<=|>|<|=)(.+)$")
_FLAGS = ("marked", "accepted", "rejected")
_NAMES = ("score", "kind", "file", "is")


@dataclass
class Filter:
    """A filter taken apart."""

    words: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    scores: list[tuple[str, float]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    @property
    def accepted(self) -> bool | None:
        """Return whether only accepted, or only rejected, rows are wanted."""
        if {"accepted", "rejected"} <= self.flags:
            return None
        if "accepted" in self.flags:
            return True
        return False if "rejected" in self.flags else None


def parse(text: str) -> Filter:
    """Return a filter. Raises UsageError naming the part that is none."""
    found = Filter()
    for part in text.split():
        condition = _CONDITION.match(part)
        if condition is None or condition.group(1) not in _NAMES:
            found.words.append(part)
        else:
            _add(found, *condition.groups())
    return found


def _add(found: Filter, name: str, sign: str, value: str) -> None:
    if name == "score":
        found.scores.append(("=" if sign == ":" else sign, _number(value)))
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


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise UsageError(f"score: '{clean(value)}' is no number; write score>0.5") from error
