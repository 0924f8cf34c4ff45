"""The language of search queries: what is looked for, and what is not.

    storm + 0.5:./a.jpg - rain        a text, half as much an image, and not another text
    ladder -rain                      the same with the minus before the word
    "red car" -"heavy rain" + ./storm.mp4@00:01:02.5#10,20,300,200

Terms are separated by `+` and `-` as words of their own; a `-` before a word or quotation subtracts
that alone. Words between them are one text. `NUMBER:` before a term is its weight. A path (with a
slash, or `.` or `~` before one) is an image, or with `@TIME` a frame of a video, and with
`#X,Y,WIDTH,HEIGHT` a part of it in pixels. What stands in quotation marks is always text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError
from ..text import clean, clean_path
from ..times import WrittenTime, parse_written
from .addresses import absolute

TermKind = Literal["text", "image"]
MOST_CHARACTERS, MOST_TERMS = 10_000, 32
"""of a query"""
_TOKEN = re.compile(r'(?P<head>-?(?:[^\s":]{1,40}:)?)"(?P<quoted>[^"]*)"(?=\s|$)|(?P<bare>\S+)')
_WEIGHT = re.compile(r"(?P<weight>[^\s:\"/]{1,40}):(?P<rest>(?=\S).*)", re.DOTALL)
_BOX = re.compile(r"#(\d+(?:\.\d+)?(?:,\d+(?:\.\d+)?){3})$")
_PATHS = ("/", "./", "../", "~/")
_SIGNS = {"+": 1.0, "-": -1.0}
_NEGATIONS = frozenset(("no", "not", "without", "except", "excluding"))
FILTERS = ("date", "camera", "place", "tag", "model", "in", "file", "path", "score", "kind", "is")
Region = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """One term of a query.

    `value` is a text, or the absolute path of an image or video. `when` is the time of a video's
    frame, `box` x, y, width and height of a part of the image, in its pixels. The weight of a term
    that is subtracted is negative.
    """

    kind: TermKind
    value: str
    weight: float = 1.0
    when: WrittenTime | None = None
    box: Region | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    weight: float | None
    """None: it has none of its own"""
    minus: bool
    quoted: bool


def parse_query(text: str) -> tuple[SearchTerm, ...]:
    """Return the terms of a query. Raises UsageError naming what is wrong."""
    if len(text) > MOST_CHARACTERS:
        raise UsageError("the query is too long: the limit is 10,000 characters")
    terms = tuple(_joined(_signed(text)))
    if len(terms) > MOST_TERMS:
        raise UsageError(f"the query has too many terms: {len(terms)}, at most {MOST_TERMS}")
    return terms


def check_terms(terms: Sequence[SearchTerm]) -> None:
    """Raise UsageError for a query without anything to look for."""
    if not terms:
        raise UsageError("the query is empty; name what to look for, or an image with --image")
    if not any(term.weight > 0 for term in terms):
        raise UsageError(
            "the query only excludes; name also what to look for, for example: "
            f"storm - {clean(terms[0].value, limit=40)}"
        )


def image_term(address: str, weight: float = 1.0) -> SearchTerm:
    """Return the term of `FILE[@TIME][#X,Y,WIDTH,HEIGHT]`. Raises UsageError."""
    path, box = address, None
    if found := _BOX.search(address):
        path = address[: found.start()]
        x, y, width, height = (float(each) for each in found[1].split(","))
        box = (x, y, width, height)
        if width <= 0 or height <= 0:
            raise UsageError(f"'{clean_path(address)}': the box is empty")
    path, when = _at(path)
    return SearchTerm("image", absolute(path), weight, when, box)


def joined_arguments(arguments: Sequence[str]) -> str:
    """Return a query as one text from the words of a shell.

    A path with spaces in it, which the shell keeps together, is put into quotation marks of its
    own kind, so that it stays one.
    """
    return " ".join(each.replace(" ", "\0") if _is_path(each) else each for each in arguments)


def negation_in(terms: Sequence[SearchTerm]) -> str:
    """Return the word of a text that is meant to exclude something and does not, or ""."""
    words = (word for each in terms if each.kind == "text" for word in each.value.lower().split())
    return next((word for word in words if word.strip(",.;") in _NEGATIONS), "")


def _signed(text: str) -> Iterator[_Token | str]:
    """Yield `+` and `-` as they are, and all else as tokens. Raises UsageError."""
    for found in _TOKEN.finditer(text):
        bare, quoted, head = found["bare"], found["quoted"], found["head"] or ""
        if bare in _SIGNS:
            yield bare
        elif bare is not None:
            if bare.strip('-+"'):  # a dash between words says nothing
                yield _bare(bare)
        else:
            minus = head.startswith("-")
            weight = _number(head.lstrip("-")[:-1]) if head.endswith(":") else None
            yield _Token(quoted, weight, minus, quoted=True)


def _bare(word: str) -> _Token:
    minus = word.startswith("-")
    rest = (word[1:] if minus else word).replace('"', "")
    weighted = None if rest.startswith(_PATHS) else _WEIGHT.fullmatch(rest)
    if weighted is None or rest.replace(":", "").isdigit():  # a time of day is text
        return _Token(rest, None, minus, quoted=False)
    return _Token(weighted["rest"], _number(weighted["weight"]), minus, quoted=False)


def _joined(tokens: Iterator[_Token | str]) -> Iterator[SearchTerm]:
    """Yield terms: words without a sign between them are one text."""
    words: list[str] = []
    sign, weight = 1.0, 1.0
    for token in tokens:
        if isinstance(token, str):
            yield from _text(words, sign * weight)
            sign, words, weight = _SIGNS[token], [], 1.0
        elif token.minus:
            yield _term(token, -1.0)
        elif _is_image(token):
            yield from _text(words, sign * weight)
            yield _term(token, sign)
            words, weight = [], 1.0
        else:
            if token.weight is not None:
                yield from _text(words, sign * weight)
                words, weight = [], token.weight
            words.append(token.text)
    yield from _text(words, sign * weight)


def _text(words: Sequence[str], weight: float) -> Iterator[SearchTerm]:
    said = " ".join(word for word in words if word.strip())
    if said:
        yield SearchTerm("text", said, weight)


def _term(token: _Token, sign: float) -> SearchTerm:
    weight = sign * (1.0 if token.weight is None else token.weight)
    if _is_image(token):
        return image_term(token.text.replace("\0", " "), weight)
    return SearchTerm("text", token.text, weight)


def _is_image(token: _Token) -> bool:
    return not token.quoted and token.text.startswith(_PATHS)


def _is_path(text: str) -> bool:
    """Return whether a word, with a weight or without, is written as a path."""
    return re.sub(r"^-?(?:\d+(?:\.\d*)?:)?", "", text, count=1).startswith(_PATHS)


def _number(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        raise _no_weight(text) from None
    if math.isfinite(weight) and 0 < weight <= 1000:
        return weight
    raise UsageError(f"the weight {clean(text)} must be more than 0 and at most 1000")


def _no_weight(text: str) -> UsageError:
    name = text.lower()
    if name in FILTERS:
        return UsageError(f"'{clean(text)}:' is a condition of a filter: use --filter {name}:VALUE")
    return UsageError(
        f"the weight '{clean(text)}' is not a number; write for example 0.5:rain, or put what is "
        f'text in quotation marks: "{clean(text)}:..."'
    )


def _at(address: str) -> tuple[str, WrittenTime | None]:
    """Return path and time of `FILE@TIME`; an `@` that is part of a name has no time behind it."""
    path, mark, time = address.rpartition("@")
    if not mark or not path:
        return address, None
    try:
        return path, parse_written(time)
    except ValueError:
        if "/" in time or "." in time:
            return address, None
        raise UsageError(
            f"'{clean(time)}' is not a time; write {clean_path(path)}@83.5 or @00:01:23.500"
        ) from None
