"""A video's time on one line, with what was found in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..widgets.line import LineSpan
from ..widgets.symbols import Symbols
from . import wording


def line(
    rows: Sequence[dict[str, Any]], here: dict[str, Any] | None, width: int, symbols: Symbols
) -> list[LineSpan]:
    """Return the loaded rows of the source under the cursor, as marks on its time.

    The line spans from the first to the last of them; the row under the cursor stands out.
    """
    same = [row for row in rows if here is not None and row["path"] == here["path"]]
    if here is None or width < 40:
        return [LineSpan("")]
    if len(same) < 2:
        return [LineSpan("nothing else is listed of this video", "faint")]
    first = min(float(row["seconds"]) for row in same)
    last = max(float(row["seconds"]) for row in same)
    left, right = f" {wording.at(first)} ", f" {wording.at(last)} "
    space = max(width - len(left) - len(right), 1)
    signs = [symbols.horizontal] * space
    for row in same:
        accepted = row.get("accepted", True)
        signs[_place(row, first, last, space)] = symbols.vertical if accepted else "."
    place = _place(here, first, last, space)
    before, after = "".join(signs[:place]), "".join(signs[place + 1 :])
    return [LineSpan(left, "dim"), LineSpan(before, "dim"), LineSpan(symbols.current, "key"),
            LineSpan(after, "dim"), LineSpan(right, "dim")]  # fmt: skip


def _place(row: dict[str, Any], first: float, last: float, space: int) -> int:
    share = (float(row["seconds"]) - first) / max(last - first, 1e-9)
    return min(int(share * space), space - 1)
