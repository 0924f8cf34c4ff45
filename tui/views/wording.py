"""Numbers and names as screens show them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from core.text import clean, clean_path
from core.times import timecode

from ..widgets.symbols import Symbols

_UNITS = ("B", "K", "M", "G", "T", "P")


def size(number: float | None) -> str:
    """Return bytes in at most five characters, in powers of 1024."""
    if number is None:
        return "-"
    for unit in _UNITS:
        if abs(number) < 999.5 or unit == _UNITS[-1]:
            return (
                f"{number:.0f}{unit}" if unit == "B" or number >= 99.95 else f"{number:.1f}{unit}"
            )
        number /= 1024
    return "-"


def number(count: int, symbols: Symbols) -> str:
    """Return a count in groups of three."""
    return f"{count:,}".replace(",", symbols.group)


def percent(share: float | None) -> str:
    """Return a share of 0 to 1 as a whole percentage that says 100 only when it is whole."""
    if share is None:
        return "-"
    return "100%" if share >= 1 else f"{min(max(int(share * 100), 0), 99)}%"


def span(seconds: float | None) -> str:
    """Return a length of time in at most eight characters: 04:12, 1:04:12, 12d."""
    if seconds is None or seconds < 0:
        return "-"
    whole = round(seconds)
    if whole >= 86_400 * 10:
        return f"{whole // 86_400}d"
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def rate(number: float | None) -> str:
    """Return so many a second in at most five characters."""
    if not number:
        return "-"
    return f"{number:.1f}" if number < 99.95 else f"{number:.0f}"


def score(number: float | None) -> str:
    """Return a score in at most seven characters."""
    if number is None:
        return "-"
    return f"{number:.2f}" if abs(number) < 99.995 else f"{number:.0f}"


def at(seconds: float | None) -> str:
    """Return a place in a video to the millisecond: with fewer digits it is another frame's."""
    return "-" if seconds is None else timecode(seconds)


def short_path(path: str, parts: int = 2) -> str:
    """Return the end of a path: what distinguishes files, cleaned."""
    kept = path.rstrip(os.sep).split(os.sep)[-parts:]
    return clean_path("/".join(kept))


def words(texts: Sequence[object], limit: int = 2000) -> str:
    """Return outside texts on one line, cleaned."""
    return clean(", ".join(str(text) for text in texts), limit=limit)
