"""Files that show the same or nearly the same."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...protocol.requests.duplicates import CopiesPart, FindDuplicates
from ..context import Context
from .handler import Handlers


async def find(context: Context, request: FindDuplicates) -> AsyncGenerator[CopiesPart, None]:
    """Yield groups of files. Raises UnknownName or UsageError."""
    from ...reports.copies.find import DuplicateFinder

    readers = context.still_readers
    finder = await context.call(DuplicateFinder, context.library, request, readers)
    parts = finder.parts()
    while (part := await context.call(next, parts, None)) is not None:
        yield part


HANDLERS: Handlers = {
    FindDuplicates: find,
}
