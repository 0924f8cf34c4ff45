"""All rows of a list, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from ..protocol.queries import Query
from ..text import file_uri
from .interface import EngineClient

ROWS_AT_ONCE = 1000


async def all_rows(client: EngineClient, query: Query) -> AsyncIterator[dict[str, Any]]:
    """Yield every row of a list, a source's with the `uri` of its file. Raises SightlineError."""
    first, total = 0, 1
    while first < total:
        page = await client.ask(replace(query, first=first, last=first + ROWS_AT_ONCE))
        total = page.total
        for row in page.rows:
            yield row | {"uri": file_uri(row["path"])} if "path" in row else row
        first += ROWS_AT_ONCE
