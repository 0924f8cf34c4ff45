"""Paths as shells, terminals and file managers write them, understood without running anything.

A shell's quotes and escapes are undone; variables, commands and wildcards stay as they are written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from core.protocol.addresses import path_of, scheme_of

_PIECE = re.compile(
    r"""(?P<ansi>\$'(?:[^'\\]|\\.)*')|(?P<single>'[^']*')|(?P<double>"(?:[^"\\]|\\.)*")"""
    r"""|(?P<escaped>\\.)|(?P<space>\s+)|(?P<plain>[^\s'"\\$]+|\$)""",
    re.DOTALL,
)
_IN_DOUBLE = re.compile(r'\\([$`"\\])|\\\n')
_ANSI = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|(.))",
    re.DOTALL,
)
_ANSI_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b",
                 "f": "\f", "v": "\v"}  # fmt: skip
_OPENS = "'\""


class Unbalanced(ValueError):
    """A quote is opened and not closed, or a backslash is last."""


def words(text: str) -> list[str]:
    """Return the words of a command line, unquoted. Raises Unbalanced."""
    found: list[str] = []
    open_word = False
    for kind, piece in _pieces(text):
        if kind == "space":
            open_word = False
        elif open_word:
            found[-1] += _plain(kind, piece)
        else:
            found.append(_plain(kind, piece))
            open_word = True
    return found


def one_word(text: str) -> str:
    """Return a text with its quotes and escapes undone, its spaces kept. Raises Unbalanced."""
    return "".join(_plain(kind, piece) for kind, piece in _pieces(text))


def meant(typed: str) -> str:
    """Return the path that is meant by what was typed; `~` and what is relative stay.

    A name that exists as it is written is that name. Else quotes, escapes and `file:` URLs are
    undone, also while they are still being typed.
    """
    readings = list(dict.fromkeys(_readings(typed)))
    existing = (each for each in readings if _exists(each))
    in_folder = (each for each in readings if _exists(os.path.dirname(each)))
    return next(existing, None) or next(in_folder, None) or readings[-1]


def pasted(text: str) -> tuple[str, ...]:
    """Return the paths in a pasted text: of each line one, or several as a shell divides them."""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
    if not all(_exists(meant(line)) for line in lines):
        across = _all_there(text)  # a quoted name may hold a line break
        if across:
            return across
    return tuple(dict.fromkeys(path for line in lines for path in _of_line(line)))


def is_absolute(path: str) -> bool:
    """Return whether a path does not depend on the folder one is in."""
    return path.startswith(("/", "~")) or bool(scheme_of(path))


def _of_line(line: str) -> tuple[str, ...]:
    whole = meant(line)
    if _exists(whole):
        return (whole,)
    several = _all_there(line)
    if several:
        return several
    parts = _words_or_none(line)
    if len(parts) > 1 and all(is_absolute(part) for part in parts):
        return tuple(_from_url(part) for part in parts)
    return (whole,)


def _all_there(text: str) -> tuple[str, ...]:
    """Return the words of a text as paths, if each of them exists; else nothing."""
    found = tuple(_from_url(word) for word in _words_or_none(text))
    return found if found and all(_exists(each) for each in found) else ()


def _words_or_none(text: str) -> list[str]:
    try:
        return words(text)
    except Unbalanced:
        return []


def _readings(typed: str) -> Iterator[str]:
    """Yield what a text may mean, the most literal first."""
    yield typed
    stripped = typed.strip()
    yield stripped
    try:
        yield _from_url(one_word(stripped))
    except Unbalanced:
        rest = stripped[1:] if stripped[:1] in _OPENS else stripped
        if not rest.endswith("\\"):
            yield _from_url(rest)


def _from_url(text: str) -> str:
    path = path_of(text) if scheme_of(text) == "file" else None
    return text if path is None else path


def _exists(path: str) -> bool:
    try:
        return bool(path) and os.path.lexists(os.path.expanduser(path))
    except ValueError:
        return False


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        found = _PIECE.match(text, place)
        if found is None:
            raise Unbalanced
        yield str(found.lastgroup), found[0]
        place = found.end()


def _plain(kind: str, piece: str) -> str:
    if kind == "ansi":
        return _ansi(piece[2:-1])
    if kind == "single":
        return piece[1:-1]
    if kind == "double":
        return _IN_DOUBLE.sub(lambda found: found[1] or "", piece[1:-1])
    if kind == "escaped":
        return "" if piece[1] == "\n" else piece[1]
    return piece


def _ansi(text: str) -> str:
    """Return what bash writes as $'...': bytes as file names hold them."""
    written = _ANSI.sub(_ansi_letter, text)
    return os.fsdecode(written.encode("utf-8", "surrogateescape"))


def _ansi_letter(found: re.Match[str]) -> str:
    byte, octal, short, long, letter = found.groups()
    if letter is not None:
        return _ANSI_LETTERS.get(letter, letter)
    code = int(byte or short or long or "0", 16) if octal is None else int(octal, 8) & 0xFF
    if (byte or octal) and code >= 0x80:
        return chr(0xDC00 + code)  # a byte of a name, as `surrogateescape` holds it
    return chr(code) if code < 0xD800 or 0xDFFF < code <= 0x10FFFF else ""
