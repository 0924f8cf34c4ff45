"""Lists that come in pages."""

from __future__ import annotations

from ...config.user_settings import log_file
from ...errors import UsageError
from ...protocol.queries import (
    MOST_ROWS,
    ListLogLines,
    ListMatrix,
    ListModels,
    ListQueue,
    ListResults,
    ListScans,
    ListTasks,
    Query,
)
from ...protocol.replies import Page
from ...text import counted
from ..context import Context
from .handler import Handlers


async def rows(context: Context, request: Query) -> Page:
    """Return rows of a list. Raises UsageError for a wrong filter, UnknownName."""
    if request.last - request.first > MOST_ROWS:
        raise UsageError(f"at most {counted(MOST_ROWS, 'row')} can be asked for at once")
    from ...reports.pages import page

    active = [job.number for job in context.state().jobs if not job.standing]
    return await context.call(page, context.library, request, request.first, request.last, active)


async def log_lines(context: Context, request: ListLogLines) -> Page:
    """Return lines of the engine's log, also where there is no library yet."""
    from ...reports.loglines import log_lines as lines

    found = await context.call(lines, log_file(context.folder), request.level, request.text)
    here = found[max(request.first, 0) : max(request.last, 0)][:MOST_ROWS]
    return Page(len(found), request.first, tuple(here))


HANDLERS: Handlers = {
    ListScans: rows,
    ListTasks: rows,
    ListQueue: rows,
    ListResults: rows,
    ListModels: rows,
    ListMatrix: rows,
    ListLogLines: log_lines,
}
