"""What a person types to narrow a list: words, and conditions such as `score>0.5`.

    storm "16:9" score>=0.8 -tag:indoor date>=2024-06 camera:canon place:46.2,7.5,20

Parts are separated by spaces; a row must fulfil all of them. `-` before a part turns it round.
What stands in quotation marks is always words, never a condition. A condition nobody knows is an
error: taken for a word, it would find nothing without saying why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ..errors import UsageError
from ..storage.conditions import BUILDERS, DATE_LENGTHS, DATE_RANGE, FLAGS, JUDGED_FLAGS, Condition
from ..text import clean, nearest
from ..times import parse_time

_PART = re.compile(
    r"(?P<minus>-?)(?:(?P<name>[A-Za-z_]+)(?P<sign>:|!=|>=|<=|>|<|=))?"
    r"(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^\s\"]\S*))(?=\s|$)"
)
_BEGUN = re.compile(r"([A-Za-z_]+)(:|!=|>=|<=|>|<|=)")
_TWICE = re.compile(r"-+[A-Za-z_]+(?::|!=|>=|<=|>|<|=)")
"""a condition behind more than one `-`: it would be searched for as a word"""
_NUMBERS = ("score", "energy", "strokes", "time")
_COMPARED = (*_NUMBERS, "date")
_LISTS = ("kind", "tag", "label")
"""values of these may be several, separated by commas"""
_NAMES = tuple(name for name in BUILDERS if name not in ("word", "task", "below"))
_EVENTS_ONLY = ("kind", "score", "energy", "strokes")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?)?)?")
MOST_CHARACTERS, MOST_VALUES = 10_000, 200
"""of a filter: what SQLite still plans"""
KILOMETRES = 10.0
"""how far from a place counts as there, unless that is said"""


@dataclass(frozen=True)
class Filter:
    """A filter taken apart."""

    conditions: tuple[Condition, ...] = ()

    @property
    def wants_rejected(self) -> bool:
        """Return whether rejected candidates are asked for."""
        return any(
            ("rejected" in each.values) != each.negated
            for each in self.conditions
            if each.name == "is" and {"accepted", "rejected"} & set(each.values)
        )

    @property
    def about_events(self) -> tuple[Condition, ...]:
        """Return the conditions that only events and candidates fulfil."""
        return tuple(each for each in self.conditions if _is_about_events(each))

    @property
    def about_frames(self) -> tuple[Condition, ...]:
        """Return the conditions that frames fulfil, too."""
        return tuple(each for each in self.conditions if not _is_about_events(each))


def parse(text: str) -> Filter:
    """Return a filter. Raises UsageError naming the part that is none."""
    _check_size(text)
    found = tuple(_conditions(text))
    values = sum(len(each.values) for each in found)
    if values > MOST_VALUES:
        raise UsageError(f"the filter has too many values: {values}, at most {MOST_VALUES}")
    if {("accepted",), ("rejected",)} <= {c.values for c in found if c.name == "is"}:
        found = tuple(c for c in found if c.values not in (("accepted",), ("rejected",)))
    return Filter(found)


def _check_size(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise UsageError("the filter is too long: the limit is 10,000 characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the filter is not valid UTF-8; filter by a part that is") from None


def _is_about_events(condition: Condition) -> bool:
    if condition.name == "is":
        return bool({"accepted", "rejected", *JUDGED_FLAGS} & set(condition.values))
    return condition.name in _EVENTS_ONLY


def _conditions(text: str) -> Iterator[Condition]:
    start = 0
    while start < len(text):
        if text[start].isspace():
            start += 1
            continue
        part = _PART.match(text, start)
        if part is None:
            yield _word(text, start)
            return
        yield _condition(part)
        start = part.end()


def _word(text: str, start: int) -> Condition:
    """Return the rest of a text as a word, such as `-`. Raises UsageError for an open quote."""
    rest = text[start:].split(maxsplit=1)[0]
    if '"' in rest:
        raise UsageError(f"{clean(text[start:])}: missing closing quotation mark")
    return Condition("word", "=", (rest,))


def _condition(part: re.Match[str]) -> Condition:
    minus, name, sign, quoted, bare = part.group("minus", "name", "sign", "quoted", "bare")
    value = bare if quoted is None else quoted
    if minus and bare and _TWICE.match(bare):
        once = clean(bare.lstrip("-"))
        raise UsageError(f"'--{once}': one '-' excludes; write -{once}, or quote what are words")
    name = None if name is None else name.lower()
    if name is None and quoted is None and (begun := _BEGUN.match(bare)):
        raise _incomplete(*begun.groups())
    if name is None:
        if minus and not value:
            return Condition("word", "=", ("-",))
        return Condition("word", "=", (value,), bool(minus))
    if name not in _NAMES:
        raise _unknown(name, sign, value)
    if sign in ("<", ">", "<=", ">=") and name not in _COMPARED:
        raise UsageError(f"'{name}{sign}{clean(value)}': write {name}:{clean(value)}")
    values = value.split(",") if name in _LISTS and quoted is None else [value]
    if name == "date" and DATE_RANGE in value and sign not in (":", "=", "!="):
        raise UsageError(f"'{name}{sign}{clean(value)}': a range is written date:FROM..TO")
    compared = "=" if sign in (":", "!=") else sign
    found = Condition(name, compared, tuple(_value(name, each) for each in values))
    return replace(found, negated=bool(minus) != (sign == "!="))


def _incomplete(name: str, sign: str) -> UsageError:
    if name not in _NAMES:
        return _unknown(name, sign, "")
    return UsageError(f"'{name}{sign}': no value; write {name}{sign}VALUE")


def _unknown(name: str, sign: str, value: str) -> UsageError:
    hint = nearest(name.lower(), list(_NAMES)) or f"; known: {', '.join(_NAMES)}"
    words = clean(f"{name}{sign}{value}")
    return UsageError(
        f"'{words}': no condition '{clean(name)}'{hint} (to search for the words, quote "
        f'them: "{words}")'
    )


def _value(name: str, value: str) -> str | float:
    """Return what a condition compares with. Raises UsageError."""
    if name in _NUMBERS:
        return _number(name, value)
    if name == "date":
        return _date(value)
    if name == "place":
        return _place(value)
    if name == "kind":
        return value.lower()
    if name == "is" and value.lower() in FLAGS:
        return value.lower()
    if name == "is":
        raise UsageError(
            f"unknown is:{clean(value)}; known: {', '.join(FLAGS)}{nearest(value, list(FLAGS))}"
        )
    if not value:
        raise UsageError(f"{name}: no value; write {name}:WORD")
    return value


def _number(name: str, value: str) -> float:
    try:
        number = parse_time(value) if name == "time" else float(value)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    example = "time>83.5 or time>00:01:23.500" if name == "time" else f"{name}>0.5"
    raise UsageError(f"{name}: '{clean(value)}' is not a number; write {example}")


def _date(value: str) -> str:
    """Return a date as far as it is given, or a range of two. Raises UsageError."""
    if DATE_RANGE in value:
        return _date_range(value)
    text = value.replace(" ", "T")
    try:
        if _DATE.fullmatch(value) is None:
            raise ValueError
        datetime.fromisoformat(text + "0001-01-01T00:00:00"[len(text) :])
    except ValueError:
        raise UsageError(
            f"date: '{clean(value)}' is not a date; write date>=2024, date:2024-06 or "
            "date<2024-06-30T21:15"
        ) from None
    assert len(text) in DATE_LENGTHS
    return text


def _date_range(value: str) -> str:
    """Return `FROM..TO`, of which one may be missing. Raises UsageError."""
    first, _, last = value.partition(DATE_RANGE)
    dates = [_date(each) if each and DATE_RANGE not in each else each for each in (first, last)]
    if not any(dates) or DATE_RANGE in last:
        raise UsageError(f"date: '{clean(value)}' is not a range; write date:2024-06..2024-08")
    if all(dates) and dates[0] > dates[1] and not dates[0].startswith(dates[1]):
        raise UsageError(f"date: '{clean(value)}' ends before it begins")
    return DATE_RANGE.join(dates)


def _place(value: str) -> str:
    """Return latitude, longitude and kilometres. Raises UsageError."""
    try:
        numbers = [float(part.removesuffix("km")) for part in value.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 2:
        numbers.append(KILOMETRES)
    if len(numbers) == 3 and abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180 and numbers[2] > 0:
        return ",".join(map(repr, numbers))
    raise UsageError(
        f"place: '{clean(value)}' is not a place; write place:LATITUDE,LONGITUDE,KILOMETRES in "
        "degrees, for example place:46.2,7.5,20 (default: 10 km)"
    )
