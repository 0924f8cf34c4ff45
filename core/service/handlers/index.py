"""The index of vectors: its state, read from the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...protocol.requests.index import (
    ExportIndex,
    GetIndexes,
    IndexExported,
    IndexLine,
    IndexLines,
)
from ..context import Context
from .handler import Handlers

if TYPE_CHECKING:
    from ...storage.index_state import SpaceRow
    from ...storage.library import Library


async def indexes(context: Context, _request: GetIndexes) -> IndexLines:
    """Return all indexes. Raises UnknownName if there is no library."""
    return await context.call(_lines, context.library)


async def export(context: Context, request: ExportIndex) -> IndexExported:
    """Write an index to a file. Raises UnknownName, DiskFull, EnvironmentFault."""
    return await context.call(_exported, context.library, request)


def _exported(library: Library, request: ExportIndex) -> IndexExported:
    from pathlib import Path

    from ...errors import UnknownName
    from ...search.transfer import export_index

    space = library.index.space(request.name) if request.name else library.index.current()
    if space is None:
        raise UnknownName("nothing is indexed; `sightline index PATH` does it")
    return IndexExported(space.name, export_index(library, space, Path(request.path)))


def _lines(library: Library) -> IndexLines:
    from ...search.server_address import chosen_server

    state, server = library.index, chosen_server()
    return IndexLines(
        tuple(_line(library, each) for each in state.spaces()),
        state.count_pending(),
        len(state.gone()),
        server.shown if server else "",
    )


def _line(library: Library, space: SpaceRow) -> IndexLine:
    body = space.body
    return IndexLine(
        space.name, space.state, body["model"], body["revision"], body["dimension"],
        body["precision"], body["quantisation"], library.index.count(space.id),
        library.index.count_contents(space.id), len(space.background_vectors), space.created,
    )  # fmt: skip


HANDLERS: Handlers = {GetIndexes: indexes, ExportIndex: export}
