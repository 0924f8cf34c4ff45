"""Pictures of instants."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...errors import UsageError
from ...protocol.requests.pictures import CHUNK_BYTES, MOST_STILL_PIXELS, GetStill
from ...text import counted
from ..context import Context
from .handler import Handlers


async def still(context: Context, request: GetStill) -> AsyncGenerator[bytes, None]:
    """Yield a JPEG of an instant, read from its file. Raises UsageError or SourceError."""
    if not 0 < request.longest_side <= MOST_STILL_PIXELS:
        most = counted(MOST_STILL_PIXELS, "pixel")
        raise UsageError(f"a picture has at least 1 and at most {most} a side")
    jpeg = await context.call(context.records.still, request, context.still_readers)
    for first in range(0, len(jpeg), CHUNK_BYTES):
        yield jpeg[first : first + CHUNK_BYTES]


HANDLERS: Handlers = {
    GetStill: still,
}
