"""What the library keeps: lists, scans and their sources, instants, pictures, scores, exports."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from pathlib import Path

from ...config.user_settings import log_file
from ...errors import UnknownName, UsageError
from ...protocol.commands import SubmitScan
from ...protocol.queries import (
    MOST_ROWS,
    ListLogLines,
    ListMatrix,
    ListModels,
    ListResults,
    ListScans,
    ListTasks,
    Query,
)
from ...protocol.replies import ExportBegun, Page, RowsWritten, ScanLines, TaskPage
from ...protocol.requests import (
    CHUNK_BYTES,
    MOST_STILL_PIXELS,
    TASKS_OF_A_PART,
    BeginExport,
    ExportResults,
    ExportRows,
    GetExport,
    GetInstant,
    GetScans,
    GetStill,
    GetTasks,
    PlanScan,
    ScoreScan,
)
from ...protocol.scores import Scored
from ...protocol.views import ExportProgress, ExportState, InstantView, Piece, PlanView
from ...text import counted
from ..context import Context
from ..from_thread import parts_from_thread
from ..reading import Records
from .handler import Handlers


async def rows(context: Context, request: Query) -> Page:
    """Return rows of a list. Raises UsageError for a wrong filter, UnknownName."""
    if request.last - request.first > MOST_ROWS:
        raise UsageError(f"at most {counted(MOST_ROWS, 'row')} can be asked for at once")
    from ...reports.pages import page

    active = [scan.scan for scan in context.state().scans]
    return await context.call(page, context.library, request, request.first, request.last, active)


async def log_lines(context: Context, request: ListLogLines) -> Page:
    """Return lines of the engine's log, also where there is no library yet."""
    from ...reports.loglines import log_lines as lines

    found = await context.call(lines, log_file(context.folder), request.level, request.text)
    here = found[max(request.first, 0) : max(request.last, 0)][:MOST_ROWS]
    return Page(len(found), request.first, tuple(here))


async def export_rows(context: Context, request: ExportRows) -> RowsWritten:
    """Write all rows of a list to a file. Raises UsageError or EnvironmentFault."""
    from ...reports.rowfiles import write_rows

    library = context.library
    return RowsWritten(
        await context.call(write_rows, library, request.query, request.format, request.path)
    )


async def scans(context: Context, _request: GetScans) -> ScanLines:
    """Return every scan, the newest first."""
    return ScanLines(tuple(await context.call(context.records.scans)))


async def tasks(context: Context, request: GetTasks) -> AsyncGenerator[TaskPage, None]:
    """Yield the sources of a scan. Raises UnknownName."""
    found = await context.call(context.records.tasks, request.scan)
    for first in range(0, len(found), TASKS_OF_A_PART):
        yield TaskPage(tuple(found[first : first + TASKS_OF_A_PART]))


async def instant(context: Context, request: GetInstant) -> InstantView:
    """Return everything kept about one instant. Raises UsageError."""
    return await context.call(context.records.instant, request.path, request.when)


async def still(context: Context, request: GetStill) -> AsyncGenerator[bytes, None]:
    """Yield a JPEG of an instant, read from its file. Raises UsageError or SourceError."""
    if not 0 < request.longest_side <= MOST_STILL_PIXELS:
        raise UsageError(f"a picture has 1 to {MOST_STILL_PIXELS} pixels a side")
    jpeg = await context.call(_jpeg, context.records, request)
    for first in range(0, len(jpeg), CHUNK_BYTES):
        yield jpeg[first : first + CHUNK_BYTES]


async def score(context: Context, request: ScoreScan) -> Scored:
    """Compare a scan with a truth file. Raises UsageError."""
    return await context.call(context.records.score, request.scan, request.score)


async def plan(context: Context, request: PlanScan) -> PlanView:
    """Return what a scan would do."""
    return await context.call(_planned, context.folder, request.scan)


async def begin_export(context: Context, request: BeginExport) -> ExportBegun:
    """Start writing results as files. Raises UsageError or UnknownName."""
    return ExportBegun(await context.call(context.exports.begin, request.export))


async def export_state(context: Context, request: GetExport) -> ExportState:
    """Return how an export stands. Raises UsageError for one there is none of."""
    return context.exports.state(request.number)


async def export(
    context: Context, request: ExportResults
) -> AsyncGenerator[ExportProgress | Piece, None]:
    """Write results as files, and yield how far it is and each file."""
    from ...reports.exporting import Exporter
    from ...storage.library import Library

    with closing(Library(context.folder, writable=False)) as library:
        exporter = Exporter(library, request.export)
        work: AsyncGenerator[ExportProgress | Piece, None] = parts_from_thread(
            lambda put: exporter.run(put, put), exporter.end
        )
        async with aclosing(work) as parts:
            async for part in parts:
                yield part


def _jpeg(records: Records, request: GetStill) -> bytes:
    return records.still(records.instant(request.path, request.when), request.longest_side)


def _planned(folder: Path, command: SubmitScan) -> PlanView:
    from ...config.profiles import resolve
    from ...reports.forecast import plan_view
    from ...storage.library import Library

    spec = resolve(command.profile, command.overrides)
    if spec.model_stages:
        from ...scans.resolve_models import resolve_models

        spec = resolve_models(spec, lambda _note: None).spec
    what = (spec, command.paths, command.globs, command.mode)
    try:
        library = Library(folder, writable=False)
    except UnknownName:
        return plan_view(None, *what, follow_links=command.follow_links)
    with closing(library):
        return plan_view(library, *what, follow_links=command.follow_links)


HANDLERS: Handlers = {
    ListScans: rows,
    ListTasks: rows,
    ListResults: rows,
    ListModels: rows,
    ListMatrix: rows,
    ListLogLines: log_lines,
    ExportRows: export_rows,
    GetScans: scans,
    GetTasks: tasks,
    GetInstant: instant,
    GetStill: still,
    ScoreScan: score,
    PlanScan: plan,
    BeginExport: begin_export,
    GetExport: export_state,
    ExportResults: export,
}
