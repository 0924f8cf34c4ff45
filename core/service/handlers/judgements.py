"""Judgements of events and candidates."""

from __future__ import annotations

from ...protocol.requests.judgements import FindEvent, FoundEvent
from ..context import Context
from .handler import Handlers


async def find(context: Context, request: FindEvent) -> FoundEvent:
    """Return the event at a time. Raises UnknownName, UsageError where several are."""
    from ...reports.judging import found_event

    what = request.path, request.when, request.kind
    return await context.call(found_event, context.library, *what)


HANDLERS: Handlers = {
    FindEvent: find,
}
