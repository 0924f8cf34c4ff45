"""The document every export format is made from: one source's results, and a scan's summary.

Holds nothing that differs between two runs over the same content with the same spec (no clock, no
scan number), so an export after a kill and resume equals that of an uninterrupted run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import Candidate, Moment, SourceInfo

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Statistics:
    """Per-frame measurements of one stage: `values` is float32 of shape (frames, columns)."""

    stage: str
    columns: tuple[str, ...]
    indices: NDArray[np.int64]
    seconds: NDArray[np.float64]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Document:
    """Everything kept about one source under one spec."""

    source: SourceInfo
    profile: str
    spec_hash: str
    frames: int
    moments: tuple[Moment, ...]
    candidates: tuple[Candidate, ...]
    statistics: tuple[Statistics, ...]
    provenance: dict[str, Any]
    warnings: tuple[str, ...] = ()
    thumbnails: dict[int, bytes] = field(default_factory=dict)
    """JPEG of each moment's peak, by the moment's number"""


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One source of a scan in its summary."""

    path: str
    kind: str
    state: str
    reason: str
    frames: int
    moments: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A scan as a whole."""

    scan: int
    profile: str
    spec_hash: str
    state: str
    tasks: tuple[TaskLine, ...]
    duplicates: tuple[tuple[str, ...], ...] = ()
    """groups of pictures that look alike, by path"""
