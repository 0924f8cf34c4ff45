"""Scans against truth files."""

from __future__ import annotations

from ...protocol.requests.scores import ScoreScan
from ...protocol.scores import Scored
from ..context import Context
from .handler import Handlers


async def score(context: Context, request: ScoreScan) -> Scored:
    """Compare a scan with a truth file. Raises UsageError."""
    return await context.call(context.records.score, request.scan, request.score)


HANDLERS: Handlers = {
    ScoreScan: score,
}
