"""Judgements of events and candidates: what can be judged at a time, and what they say of a scan.

They are made with the command `JudgeEvent`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...times import WrittenTime
from ..request import Request


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event, or a candidate that was rejected, and what was said of it: empty for nothing."""

    scan: int
    path: str
    content: str
    kind: str
    peak_frame: int
    peak_seconds: float
    score: float
    accepted: bool
    judgement: str


@dataclass(frozen=True, slots=True)
class FindEvent(Request[FoundEvent], right="read", heavy=True):
    """The event or rejected candidate at a time of a source, of a kind or of any.

    That of a peak at this very time or frame, else the nearest event within the scan's
    `events.merge_seconds`, else the nearest rejected candidate. None, or several of different
    kinds, are an error that names them.
    """

    path: str
    when: WrittenTime
    kind: str = ""
