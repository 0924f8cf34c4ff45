"""The words that an embedder chooses tags from: the list that ships, and a user's own file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ..config.named_files import read_text
from ..text import clean, clean_path, counted

BUILT_IN = Path(__file__).with_name("vocabulary.txt")
INCLUDE = "@built-in"
"""a line of a user's file that is replaced by the words that ship"""
MOST_BYTES, MOST_WORDS, MOST_LETTERS = 2**20, 20_000, 60


@cache
def built_in() -> tuple[str, ...]:
    """Return the words that ship: one a line, '#' begins a note."""
    return tuple(line for _, line in _lines(BUILT_IN.read_text("utf-8")))


def words_of(value: Any) -> Any:
    """Return the words of the file that a text names; another value as it is.

    One word a line. '#' begins a note, `@built-in` includes the words that ship, and a '-' before a
    word removes it again. Raises ValueError with the line for what cannot be used.
    """
    if not isinstance(value, str):
        return value
    if not value:
        return ()
    where = clean_path(value)
    words: dict[str, str] = {}
    for number, line in _lines(read_text(Path(value).expanduser(), MOST_BYTES)):
        try:
            _add(words, line)
        except ValueError as error:
            raise ValueError(f"{where}, line {number}: {error}") from None
    if not 0 < len(words) <= MOST_WORDS:
        raise ValueError(f"{where} has {counted(len(words), 'word')}; at most {MOST_WORDS}")
    return tuple(words.values())


def _lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that are no notes, without notes, with their numbers from 1."""
    found = ((number, _without_note(line)) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in found if line]


def _without_note(line: str) -> str:
    return "" if line.lstrip().startswith("#") else line.split(" #", maxsplit=1)[0].strip()


def _add(words: dict[str, str], line: str) -> None:
    """Do what one line asks for; keys are words regardless of case."""
    if line == INCLUDE:
        words.update({each.casefold(): each for each in built_in() if each.casefold() not in words})
    elif line.startswith("@"):
        raise ValueError(f"'{clean(line, limit=40)}' is unknown; {INCLUDE} is what can be included")
    elif line.startswith("-"):
        if words.pop(line[1:].strip().casefold(), None) is None:
            raise ValueError(f"'{clean(line, limit=40)}': no line before it has this word")
    elif len(line) > MOST_LETTERS or not line.isprintable():
        raise ValueError(f"a word is longer than {MOST_LETTERS} or not printable")
    else:
        words.setdefault(line.casefold(), line)
