"""Jobs of every kind, read from the library."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...protocol.requests.jobs import (
    ROWS_OF_A_PART,
    GetJob,
    GetJobRows,
    GetJobs,
    JobLines,
    JobRows,
)
from ...protocol.views import JobLine
from ..context import Context
from .handler import Handlers


async def jobs(context: Context, request: GetJobs) -> JobLines:
    """Return every job, the newest first. Raises UnknownName for a kind there is none of."""
    return JobLines(tuple(await context.call(context.records.jobs, request.kind)))


async def job(context: Context, request: GetJob) -> JobLine:
    """Return one job. Raises UnknownName."""
    return await context.call(context.records.job, request.number)


async def rows(context: Context, request: GetJobRows) -> AsyncGenerator[JobRows, None]:
    """Yield what a job's finished units came to. Raises UnknownName."""
    await context.call(context.records.job, request.number)
    found = await context.call(context.records.job_rows, request.number)
    for first in range(0, len(found), ROWS_OF_A_PART):
        yield JobRows(tuple(found[first : first + ROWS_OF_A_PART]))


HANDLERS: Handlers = {
    GetJobs: jobs,
    GetJob: job,
    GetJobRows: rows,
}
