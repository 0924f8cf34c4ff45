"""Maps of what a library holds."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...protocol.requests.maps import GetMap, MapPart
from ..context import Context
from .handler import Handlers


async def get(context: Context, request: GetMap) -> AsyncGenerator[MapPart, None]:
    """Yield the points of a map, then its groups. Raises UsageError, UnknownName, MissingExtra."""
    from ...reports.atlas.build import map_parts

    parts = map_parts(context.library, request)
    while (part := await context.call(next, parts, None)) is not None:
        yield part


HANDLERS: Handlers = {
    GetMap: get,
}
