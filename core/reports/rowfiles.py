"""All rows of a list in one file: what is in view, as a person narrowed it down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..protocol.queries import Query
from ..storage.export.atomic import write
from ..storage.export.cells import rows_text, text_cell
from ..storage.export.shapes import dumps
from ..storage.library import Library
from ..text import clean, file_uri, nearest
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
    write(path, text)
    return len(rows)


def all_rows(library: Library, query: Query) -> Iterator[dict[str, Any]]:
    """Yield every row of a list, page by page."""
    first, total = 0, 1
    while first < total:
        found = page(library, query, first, first + ROWS_AT_ONCE, ())
        total = found.total
        yield from (_named(row) for row in found.rows)
        first += ROWS_AT_ONCE


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"uri": file_uri(row["path"])} if "path" in row else row


def _jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(dumps(row, indent=None) + "\n" for row in rows)


def _csv(rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return rows_text([columns, *([_cell(row.get(name)) for name in columns] for row in rows)])


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    text = dumps(value, indent=None) if isinstance(value, (dict, list, bool)) else str(value)
    return text_cell(text)
