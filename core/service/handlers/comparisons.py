"""What models answered in finished scans."""

from __future__ import annotations

from ...protocol.comparisons import TextScored
from ...protocol.requests.comparisons import ScoreTexts
from ..context import Context
from .handler import Handlers


async def score_texts(context: Context, request: ScoreTexts) -> TextScored:
    """Compare texts and tags with references. Raises UsageError, MissingExtra."""
    from ...reports.comparing.scores import text_scored

    return await context.call(text_scored, context.library, request)


HANDLERS: Handlers = {
    ScoreTexts: score_texts,
}
