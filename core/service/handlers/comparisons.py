"""What models answered in finished scans."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...protocol.answer_facts import ScanFacts
from ...protocol.comparisons import TextScored
from ...protocol.requests.comparisons import GetAnswerFacts, ScoreTexts
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


HANDLERS: Handlers = {
    GetAnswerFacts: answer_facts,
    ScoreTexts: score_texts,
}
