"""What is kept about one instant of a source."""

from __future__ import annotations

from ...protocol.instant_view import InstantView
from ...protocol.requests.instants import GetInstant
from ..context import Context
from .handler import Handlers


async def instant(context: Context, request: GetInstant) -> InstantView:
    """Return everything kept about one instant. Raises UsageError."""
    return await context.call(context.records.instant, request.path, request.when)


HANDLERS: Handlers = {
    GetInstant: instant,
}
