"""The only way outside text becomes display text."""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 2000
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Controls, formats (bidi overrides, zero width, tags), surrogates, private use, unassigned, and
# the two separators a terminal may treat as a line end.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: str, *, limit: int = MAX_LENGTH) -> str:
    """Return `text` on one line, with nothing in it that a terminal would obey.

    Tabs and line ends become a space; every other control, bidirectional or zero-width
    character becomes U+FFFD, so that a hostile name stays recognisable as hostile. Combining
    marks beyond two in a row are dropped. Longer texts end in an ellipsis at `limit` characters.
    """
    out: list[str] = []
    marks = 0
    for char in text[: limit + 1]:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= 2:
            out.append(_safe(char))
    shown = "".join(out)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def clean_path(path: str, *, limit: int = 240) -> str:
    """`clean()` for file names; a long path keeps its end, which is what tells files apart."""
    shown = clean(path, limit=10_000)
    return shown if len(shown) <= limit else "…" + shown[-(limit - 1) :]


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


def _safe(char: str) -> str:
    if char in "\t\n\r":
        return " "
    if unicodedata.category(char) in _UNSAFE_CATEGORIES:
        return _REPLACEMENT
    return char
