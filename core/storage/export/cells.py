"""Rows of CSV that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from ...text import clean

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LENGTH = 100_000


def text_cell(text: str) -> str:
    """Return `text` on one line, with an apostrophe before what a spreadsheet would compute.

    A number is no formula, whatever its sign. The signs are those of OWASP's page "CSV
    Injection", and their full-width forms; tabs and line ends are spaces here.
    """
    shown = clean(text, limit=_LENGTH)
    guarded = shown.lstrip().startswith(_FORMULA) and not _is_number(shown)
    return "'" + shown if guarded else shown


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def rows_text(rows: Iterable[Sequence[object]]) -> str:
    """Return `rows` as CSV text with line feeds; None is an empty cell."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
