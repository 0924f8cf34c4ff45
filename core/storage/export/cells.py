"""Rows of CSV that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from ...text import clean

_FORMULA = ("=", "+", "-", "@")


def text_cell(text: str) -> str:
    """Return `text` on one line, with an apostrophe before what a spreadsheet would compute."""
    shown = clean(text)
    return "'" + shown if shown.lstrip().startswith(_FORMULA) else shown


def rows_text(rows: Iterable[Sequence[object]]) -> str:
    """Return `rows` as CSV text with line feeds; None is an empty cell."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
