"""Text made to fit a number of terminal cells, and safe to send there.

A sign may be two cells wide (CJK) or none (a combining accent), so nothing here counts letters.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from rich.cells import cell_len, get_character_cell_size

from core.text import clean

from .symbols import Symbols

Align = Literal["left", "right"]
Cut = Literal["end", "start", "middle"]

# Whether these widen the sign before them is something terminals do not agree on.
_SELECTORS = dict.fromkeys(range(0xFE00, 0xFE10))
# At most two accents stay on a sign, so this many letters always fill a cell.
_LETTERS_A_CELL = 4


def fit(text: str, width: int, symbols: Symbols, align: Align = "left", cut: Cut = "end") -> str:
    """Return `text` in exactly `width` cells: cleaned, cut where `cut` says, and padded."""
    if width <= 0:
        return ""
    shown = _shown(text, width, cut)
    length = cell_len(shown)
    if length > width:
        shown = shorten(shown, width, symbols, cut)
        length = cell_len(shown)
    gap = " " * (width - length)
    return gap + shown if align == "right" else shown + gap


def shorten(text: str, width: int, symbols: Symbols, cut: Cut = "end") -> str:
    """Return `text`, already safe, in at most `width` cells, with an ellipsis where it was cut."""
    if cell_len(text) <= width:
        return text
    space = width - cell_len(symbols.ellipsis)
    if space < 1:
        return head(text, width)
    if cut == "end":
        return head(text, space) + symbols.ellipsis
    if cut == "start":
        return symbols.ellipsis + _tail(text, space)
    return head(text, space - space // 2) + symbols.ellipsis + _tail(text, space // 2)


def head(text: str, width: int) -> str:
    """Return as much of `text`, already safe, as fits into `width` cells."""
    used = 0
    for index, char in enumerate(text):
        used += get_character_cell_size(char)
        if used > width:
            return text[:index]
    return text


def wrapped(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` cells, broken at spaces, else behind `/`."""
    if width <= 0:
        return []
    lines = []
    while cell_len(text) > width:
        part = head(text, width) or text[:1]
        space = part.rstrip().rfind(" ")
        if text[len(part) : len(part) + 1] == " ":
            cut = len(part)
        else:  # a path is broken behind a folder
            cut = space if space > 0 else part.rfind("/", 1) + 1 or len(part)
        lines.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*lines, text]


def safe(text: str) -> str:
    """Return `text` with nothing in it that a terminal obeys, or may measure as it likes."""
    if text.isascii() and text.isprintable():
        return text
    return _cleaned(text)


@lru_cache(maxsize=4096)
def _cleaned(text: str) -> str:
    shown = clean(text.translate(_SELECTORS), limit=len(text) + 1)
    # An accent without a letter would land on what is to the left of this text.
    while shown and not get_character_cell_size(shown[0]):
        shown = shown[1:]
    return shown


def _shown(text: str, width: int, cut: Cut) -> str:
    """Clean what can be seen of `text`; of a text of 10,000 letters that is little."""
    most = (width + 1) * _LETTERS_A_CELL
    if len(text) <= 2 * most:
        return safe(text)
    if cut == "end":
        return safe(text[:most])
    if cut == "start":
        return safe(text[-most:])
    return safe(text[:most]) + safe(text[-most:])


def _tail(text: str, width: int) -> str:
    used = 0
    start = len(text)
    for index in range(len(text) - 1, -1, -1):
        size = get_character_cell_size(text[index])
        used += size
        if used > width:
            break
        if size:
            start = index
    return text[start:]
