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
class Sensitivity:
    """The setting of a kind that accepts from a score on; `value` is None where none does."""

    setting: str
    value: float | None


@dataclass(frozen=True, slots=True)
class GetSensitivity(Request[Sensitivity], right="read"):
    """Which sensitivity of a kind accepts its events from a score on."""

    kind: str
    score: float


@dataclass(frozen=True, slots=True)
class ScoreJudgements(Request[JudgedScore], right="read", heavy=True):
    """What people said of a scan's events: precision by kind, and the cut-off it suggests.

    `kinds` are the kinds of events that count; empty for all.
    """

    scan: int
    kinds: tuple[str, ...] = ()
