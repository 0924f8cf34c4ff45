"""Scans against truth files."""

from __future__ import annotations

from dataclasses import dataclass

from ..queries import ScoreRequest
from ..request import Request
from ..scores import JudgedScore, Scored


@dataclass(frozen=True, slots=True)
class ScoreScan(Request[Scored], right="read", heavy=True):
    """Compare a scan's events with a truth file."""

    scan: int
    score: ScoreRequest


@dataclass(frozen=True, slots=True)
class ScoreJudgements(Request[JudgedScore], right="read", heavy=True):
    """What people said of a scan's events: precision by kind, and the cut-off it suggests.

    `kinds` are the kinds of events that count; empty for all.
    """

    scan: int
    kinds: tuple[str, ...] = ()
