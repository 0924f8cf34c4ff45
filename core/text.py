"""The only way outside text becomes display text."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from typing import Any
from urllib.parse import quote

MAX_LENGTH = 2000
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Controls, formats (bidi overrides, zero width, tags), surrogates, private use, unassigned, and
# the two separators a terminal may treat as a line end.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._~-]*")
"""what `quote` leaves as it is"""
_ESCAPED_SURROGATE = re.compile(r"\\ud[89a-f]")


def clean(text: str, *, limit: int = MAX_LENGTH) -> str:
    """Return `text` on one line, with nothing in it that a terminal would obey.

    Tabs and line ends become a space; every other control, bidirectional or zero-width
    character becomes U+FFFD, so that a hostile name stays recognisable as hostile. Combining
    marks beyond two in a row are dropped. Longer texts end in an ellipsis at `limit` characters.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text  # as of most of a hundred thousand names
    out: list[str] = []
    marks = 0
    for char in text[: limit + 1]:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= 2:
            out.append(_safe(char))
    shown = "".join(out)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def clean_path(path: str, *, limit: int = 240) -> str:
    """`clean()` for file names; a long path keeps its end, which is what distinguishes files."""
    shown = clean(path, limit=10_000)
    return shown if len(shown) <= limit else "…" + shown[-(limit - 1) :]


def readable(text: str) -> str:
    """Return `text` with U+FFFD for each byte of a name that is not UTF-8.

    Python keeps such a byte as a lone surrogate, which no other JSON reader and no UTF-8 file
    takes. The same sign stands for it in all output; `file_uri` holds the exact name.
    """
    return _LONE_SURROGATE.sub(_REPLACEMENT, text)


def file_uri(path: str) -> str:
    """Return a path as a `file:` URI (RFC 8089); its bytes are percent-encoded, so it is exact."""
    if _PLAIN_PATH.fullmatch(path):
        return "file://" + path  # as most of a hundred thousand paths are
    return path if "://" in path else "file://" + quote(os.fsencode(path))


_COMPACT = json.JSONEncoder(ensure_ascii=True, allow_nan=False, default=str)
"""made once: an export of many pictures writes hundreds of thousands of values"""


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return JSON in ASCII only, valid for every reader: see `readable`."""
    if indent is None:
        text = _COMPACT.encode(value)
    else:
        text = json.dumps(value, indent=indent, ensure_ascii=True, allow_nan=False, default=str)
    if _ESCAPED_SURROGATE.search(text) is None:
        return text
    return json.dumps(_valid(value), indent=indent, allow_nan=False, default=str)


def counted(number: float, one: str, more: str = "") -> str:
    """Return a number with its noun: `1 source`, `2 sources`, `0 sources`, `1.5 sources`.

    `more` is for all numbers but 1 and where an s is not enough: counted(n, "scan is", "scans
    are"). Whole numbers are written out, others as `%g` does.
    """
    shown = f"{int(number)}" if number == int(number) else f"{number:g}"
    return f"{shown} {one if number == 1 else more or one + 's'}"


def nearest(name: str, known: list[str]) -> str:
    """Return `"; did you mean 'x'?"` for the closest known name, or an empty string."""
    from difflib import get_close_matches

    found = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean '{found[0]}'?" if found else ""


def _valid(value: Any) -> Any:
    """Return JSON values with every text in them made readable."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        return {_valid(key): _valid(each) for key, each in value.items()}
    return [_valid(each) for each in value] if isinstance(value, (list, tuple)) else value


def _safe(char: str) -> str:
    if char in "\t\n\r":
        return " "
    if unicodedata.category(char) in _UNSAFE_CATEGORIES:
        return _REPLACEMENT
    return char


def byte_size(count: float) -> str:
    """Return bytes as a person says them: 3.2 GB (powers of 1000, as disks are sold)."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
