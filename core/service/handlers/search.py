"""Searches."""

from __future__ import annotations

from ...errors import UsageError
from ...protocol.requests.search import MOST_FOUND, Search, SearchReply
from ...text import counted
from ..context import Context
from .handler import Handlers


async def search(context: Context, request: Search) -> SearchReply:
    """Return what a query finds. Raises UsageError, NothingIndexed, EnvironmentFault."""
    if not 0 <= request.first <= request.last <= request.first + MOST_FOUND:
        raise UsageError(f"at most {counted(MOST_FOUND, 'hit')} at once")
    return await context.call(context.searches.search, request)


HANDLERS: Handlers = {Search: search}
