"""Results as files."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, closing

from ...errors import SightlineError
from ...protocol.requests.exports import (
    BeginExport,
    ExportBegun,
    ExportResults,
    ExportRows,
    ExportSize,
    FormatLine,
    FormatLines,
    GetExport,
    GetExportSize,
    GetFormats,
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


async def formats(context: Context, _request: GetFormats) -> FormatLines:
    """Return every format. Raises ProfileError for a wrong settings file."""
    from ...storage.export.table import FORMATS

    names = await context.call(FORMATS.names)
    return FormatLines(tuple([await context.call(_format_line, name) for name in names]))


def _format_line(name: str) -> FormatLine:
    from ...storage.export.table import FORMATS

    try:
        return FormatLine(name, FORMATS.load(name).description)
    except SightlineError as error:
        return FormatLine(name, str(error))


async def export_size(context: Context, request: GetExportSize) -> ExportSize:
    """Return how large an export would be. Raises UsageError or UnknownName."""
    from ...reports.export_size import export_size as measured

    return await context.call(measured, context.library, context.still_readers, request.export)


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
    GetExportSize: export_size,
    GetFormats: formats,
    BeginExport: begin_export,
    GetExport: export_state,
    ExportResults: export,
}
