"""Results as files."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, closing

from ...protocol.requests.exports import (
    BeginExport,
    ExportBegun,
    ExportResults,
    ExportRows,
    GetExport,
    RowsWritten,
)
from ...protocol.views import ExportNote, ExportProgress, ExportState, Piece
from ..context import Context
from ..from_thread import parts_from_thread
from .handler import Handlers


async def export_rows(context: Context, request: ExportRows) -> RowsWritten:
    """Write all rows of a list to a file. Raises UsageError or EnvironmentFault."""
    from ...reports.rowfiles import write_rows

    library = context.library
    return RowsWritten(
        await context.call(write_rows, library, request.query, request.format, request.path)
    )


async def begin_export(context: Context, request: BeginExport) -> ExportBegun:
    """Start writing results as files. Raises UsageError or UnknownName."""
    return ExportBegun(await context.call(context.exports.begin, request.export))


async def export_state(context: Context, request: GetExport) -> ExportState:
    """Return the state of an export. Raises UsageError for one there is none of."""
    return context.exports.state(request.number)


async def export(
    context: Context, request: ExportResults
) -> AsyncGenerator[ExportProgress | Piece | ExportNote, None]:
    """Write results as files, and yield how far it is, each file, and what is missing in them."""
    from ...reports.exporting import Exporter
    from ...storage.library import Library

    with closing(Library(context.folder, writable=False)) as library:
        exporter = Exporter(library, request.export)
        work: AsyncGenerator[ExportProgress | Piece | ExportNote, None] = parts_from_thread(
            lambda put: exporter.run(put, put, put), exporter.end
        )
        async with aclosing(work) as parts:
            async for part in parts:
                yield part


HANDLERS: Handlers = {
    ExportRows: export_rows,
    BeginExport: begin_export,
    GetExport: export_state,
    ExportResults: export,
}
