"""Everything kept about one instant of a source, as a plain record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..records import Candidate, DrawnBox, Event, SourceInfo


@dataclass(frozen=True, slots=True)
class InstantView:
    """Everything kept about one instant of a source."""

    info: SourceInfo
    profile: str
    scan: int
    seconds: float
    frame: int
    frame_seconds: float
    moments: tuple[Event, ...]
    candidates: tuple[Candidate, ...]
    measurements: dict[str, dict[str, float]] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    look: dict[str, Any] | None = None
    """what models said about the frame nearest to it, as in the JSON export"""
    look_lines: tuple[str, ...] = ()
    """the same in words; a line that begins with spaces belongs to the one before"""
    verdicts: tuple[dict[str, Any], ...] = ()
    verdict_lines: tuple[str, ...] = ()
    """the same in words"""
    picture_seconds: float = 0.0
    """the time whose frame the picture of it shows"""
    judgements: tuple[str, ...] = ()
    """what a person said of each of `moments`, then of each of `candidates`: empty for nothing"""
    drawn: tuple[DrawnBox, ...] = ()
    """the boxes that people drew on the frame"""
    duplicates: tuple[str, ...] = ()
    """of a picture: the others of its scan that look like it, by path"""
