"""All rows of a list in one file: what is in view, as a person narrowed it down."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..queries import Query
from ..storage.export.atomic import write
from ..storage.library import Library
from ..text import clean, nearest
from .pages import page

FORMATS = ("jsonl", "csv")
ROWS_AT_ONCE = 1000


def write_rows(library: Library, query: Query, format_: str, path: Path) -> int:
    """Write every row and return how many. Raises UsageError or EnvironmentFault."""
    if format_ not in FORMATS:
        hint = nearest(format_, list(FORMATS))
        raise UsageError(f"'{clean(format_)}': known are {', '.join(FORMATS)}{hint}")
    rows = list(all_rows(library, query))
    text = _jsonl(rows) if format_ == "jsonl" else _csv(rows)
    write(path, text.encode("utf-8", "surrogateescape"))
    return len(rows)


def all_rows(library: Library, query: Query) -> Iterator[dict[str, Any]]:
    """Yield every row of a list, page by page."""
    first, total = 0, 1
    while first < total:
        found = page(library, query, first, first + ROWS_AT_ONCE, ())
        total = found.total
        yield from found.rows
        first += ROWS_AT_ONCE


def _jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _csv(rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value) if isinstance(value, (dict, list, bool)) else str(value)
    # A spreadsheet would run what begins like a formula.
    return f"'{text}" if text[:1] in "=+-@\t\r" and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
