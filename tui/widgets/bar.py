"""A bar of a share, as text."""

from __future__ import annotations

from .symbols import Symbols


def bar(share: float | None, width: int, symbols: Symbols, *, ends: bool = False) -> str:
    """Return `share` (0 to 1) as a bar of exactly `width` cells, in eighths of a cell.

    Anything above 0 shows, and only 1 is full, so that "nearly" is not taken for "done". None
    (not known) and NaN are an empty bar. With `ends` two of the cells frame it.
    """
    if ends and width > 2:
        return symbols.bar_left + bar(share, width - 2, symbols) + symbols.bar_right
    steps = len(symbols.bar) - 1
    most = max(width, 0) * steps
    full, part = divmod(filled(share, most), steps)
    drawn = symbols.bar[-1] * full + (symbols.bar[part] if part else "")
    return drawn.ljust(max(width, 0))


def filled(share: float | None, most: int) -> int:
    """Return how many of `most` steps of a bar are filled: some above 0, all only from 1 on."""
    if share is None or not share > 0 or most == 0:
        return 0
    if share >= 1:
        return most
    return min(max(round(share * most), 1), max(most - 1, 1))
