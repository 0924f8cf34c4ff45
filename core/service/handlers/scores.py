"""Scans against truth files."""

from __future__ import annotations

from ...protocol.requests.scores import (
    GetSensitivity,
    ScoreJudgements,
    ScoreScan,
    Sensitivity,
)
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


async def sensitivity(context: Context, request: GetSensitivity) -> Sensitivity:
    """Return the setting of a kind that accepts from a score on."""
    from ...screening.registry import sensitivity_of

    value = await context.call(sensitivity_of, request.kind, request.score)
    return Sensitivity(f"{request.kind}.sensitivity", value)


HANDLERS: Handlers = {
    GetSensitivity: sensitivity,
    ScoreJudgements: score_judgements,
    ScoreScan: score,
}
