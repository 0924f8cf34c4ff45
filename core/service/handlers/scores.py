"""Scans against truth files."""

from __future__ import annotations

from ...protocol.requests.scores import ScoreJudgements, ScoreScan
from ...protocol.scores import JudgedScore, Scored
from ..context import Context
from .handler import Handlers


async def score(context: Context, request: ScoreScan) -> Scored:
    """Compare a scan with a truth file. Raises UsageError."""
    return await context.call(context.records.score, request.scan, request.score)


async def score_judgements(context: Context, request: ScoreJudgements) -> JudgedScore:
    """Return what people said of a scan's events. Raises UnknownName."""
    from ...reports.judged_score import judged_score

    return await context.call(judged_score, context.library, request.scan, request.kinds)


HANDLERS: Handlers = {
    ScoreJudgements: score_judgements,
    ScoreScan: score,
}
