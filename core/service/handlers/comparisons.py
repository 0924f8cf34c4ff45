"""What models answered in finished scans."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...protocol.answer_facts import ScanFacts
from ...protocol.comparisons import TextScored
from ...protocol.requests.comparisons import DiffRuns, GetAnswerFacts, ScoreTexts
from ...protocol.run_diff import RunDiff
from ..context import Context
from .handler import Handlers


async def score_texts(context: Context, request: ScoreTexts) -> TextScored:
    """Compare texts and tags with references. Raises UsageError, MissingExtra."""
    from ...reports.comparing.scores import text_scored

    return await context.call(text_scored, context.library, request)


async def answer_facts(
    context: Context, request: GetAnswerFacts
) -> AsyncGenerator[ScanFacts, None]:
    """Yield the facts of a scan, then its answers. Raises UnknownName, UsageError."""
    from ...reports.comparing.facts import scan_facts

    parts = scan_facts(context.library, request.scan, request.stage, rows=request.rows)
    while (part := await context.call(next, parts, None)) is not None:
        yield part


async def diff_runs(context: Context, request: DiffRuns) -> AsyncGenerator[RunDiff, None]:
    """Yield what changed between two scans, then the items. Raises UsageError, UnknownName."""
    from ...reports.comparing.diff import run_diff

    parts = run_diff(context.library, request)
    while (part := await context.call(next, parts, None)) is not None:
        yield part


HANDLERS: Handlers = {
    DiffRuns: diff_runs,
    GetAnswerFacts: answer_facts,
    ScoreTexts: score_texts,
}
