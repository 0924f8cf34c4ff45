"""Scans and their sources."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from pathlib import Path

from ...errors import UnknownName
from ...models.protocols import Loading
from ...protocol.commands import SubmitScan
from ...protocol.requests.results import (
    TASKS_OF_A_PART,
    GetScans,
    GetStageOutput,
    GetTasks,
    GoldenRows,
    PlanScan,
    ScanLines,
    TaskPage,
)
from ...protocol.views import PlanView
from ..context import Context
from .handler import Handlers


async def scans(context: Context, _request: GetScans) -> ScanLines:
    """Return every scan, the newest first."""
    return ScanLines(tuple(await context.call(context.records.scans)))


async def tasks(context: Context, request: GetTasks) -> AsyncGenerator[TaskPage, None]:
    """Yield the sources of a scan. Raises UnknownName."""
    found = await context.call(context.records.tasks, request.scan)
    for first in range(0, len(found), TASKS_OF_A_PART):
        yield TaskPage(tuple(found[first : first + TASKS_OF_A_PART]))


async def stage_output(
    context: Context, request: GetStageOutput
) -> AsyncGenerator[GoldenRows, None]:
    """Yield what one stage of a scan gave. Raises UnknownName, UsageError."""
    from ...experiments.stage_output import golden_rows

    rows = golden_rows(context.library, request.scan, request.stage)
    while (row := await context.call(next, rows, None)) is not None:
        yield GoldenRows((row,))


async def plan(context: Context, request: PlanScan) -> PlanView:
    """Return what a scan would do."""
    return await context.call(_planned, context.folder, request.scan)


def _planned(folder: Path, command: SubmitScan) -> PlanView:
    from ...config.profiles import resolve
    from ...reports.forecast import plan_view
    from ...storage.library import Library

    spec = resolve(command.profile, command.overrides)
    loadings: Mapping[str, Loading] = {}
    if spec.model_stages:
        from ...scans.resolve_models import resolve_models
        from ...scans.tag_list import with_tag_list

        resolved = with_tag_list(resolve_models(spec, lambda _note: None))
        spec, loadings = resolved.spec, resolved.loadings
    what = (spec, loadings, command.paths, command.globs, command.mode)
    try:
        library = Library(folder, writable=False)
    except UnknownName:
        return plan_view(None, *what, follow_links=command.follow_links)
    with closing(library):
        return plan_view(library, *what, follow_links=command.follow_links)


HANDLERS: Handlers = {
    GetScans: scans,
    GetTasks: tasks,
    GetStageOutput: stage_output,
    PlanScan: plan,
}
