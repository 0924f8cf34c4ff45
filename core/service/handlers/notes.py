"""Notes of a person on moments."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...protocol.requests.notes import GetNote, NoteView, ReadSidecars, SidecarNotes
from ..context import Context
from .handler import Handlers


async def note(context: Context, request: GetNote) -> NoteView:
    """Return what is noted of a frame. Raises UnknownName or UsageError."""
    from ...reports.notes import note as noted

    return await context.call(noted, context.library, request.path, request.when)


async def sidecars(context: Context, request: ReadSidecars) -> AsyncGenerator[SidecarNotes, None]:
    """Yield what sidecars say. Raises UsageError."""
    from ...reports.notes import SidecarReader

    reader = await context.call(SidecarReader, context.library, request)
    parts = reader.parts()
    while (part := await context.call(next, parts, None)) is not None:
        yield part


HANDLERS: Handlers = {
    GetNote: note,
    ReadSidecars: sidecars,
}
