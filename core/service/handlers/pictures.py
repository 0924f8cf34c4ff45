"""Pictures of instants."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...errors import UsageError
from ...protocol.requests.pictures import (
    CHUNK_BYTES,
    MOST_STILL_PIXELS,
    MOST_STILLS,
    GetStill,
    GetStills,
    PicturePart,
)
from ...text import counted
from ..context import Context
from .handler import Handlers


async def still(context: Context, request: GetStill) -> AsyncGenerator[bytes, None]:
    """Yield a JPEG of an instant, read from its file. Raises UsageError or SourceError."""
    _check_size(request.longest_side)
    jpeg = await context.call(context.records.still, request, context.still_readers)
    for first in range(0, len(jpeg), CHUNK_BYTES):
        yield jpeg[first : first + CHUNK_BYTES]


async def stills(context: Context, request: GetStills) -> AsyncGenerator[PicturePart, None]:
    """Yield JPEGs of several instants. Raises UsageError, UnknownName or SourceError."""
    from ...reports.stills import stills as read

    _check_size(request.longest_side)
    if not 0 < len(request.seconds) <= MOST_STILLS:
        raise UsageError(f"at least 1 and at most {counted(MOST_STILLS, 'picture')} at once")
    jpegs = await context.call(read, context.library, context.still_readers, request)
    for number, jpeg in enumerate(jpegs):
        for first in range(0, len(jpeg), CHUNK_BYTES):
            yield PicturePart(number, jpeg[first : first + CHUNK_BYTES])


def _check_size(longest_side: int) -> None:
    if not 0 < longest_side <= MOST_STILL_PIXELS:
        most = counted(MOST_STILL_PIXELS, "pixel")
        raise UsageError(f"a picture has at least 1 and at most {most} a side")


HANDLERS: Handlers = {
    GetStill: still,
    GetStills: stills,
}
