"""Reports for maintainers."""

from __future__ import annotations

from ...protocol.bug_report import BugReport
from ...protocol.requests.reports import GetBugReport
from ..context import Context
from .handler import Handlers


async def bug_report(context: Context, request: GetBugReport) -> BugReport:
    """Return what is needed to reproduce a fault in a scan. Raises UnknownName."""
    return await context.call(_report, context, request)


def _report(context: Context, request: GetBugReport) -> BugReport:
    from ...config.user_settings import log_file
    from ...reports.bug_report import bug_report as made

    log = log_file(context.folder)
    found = made(context.library, request.scan, log, request.findings, names=request.names)
    return BugReport(found)


HANDLERS: Handlers = {
    GetBugReport: bug_report,
}
