"""Scans against truth files."""

from __future__ import annotations

from dataclasses import dataclass

from ..queries import ScoreRequest
from ..request import Request
from ..scores import Scored


@dataclass(frozen=True, slots=True)
class ScoreScan(Request[Scored], right="read", heavy=True):
    """Compare a scan's events with a truth file."""

    scan: int
    score: ScoreRequest
