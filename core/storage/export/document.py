"""The document every export format is made from: one source's results, and a scan's summary.

Holds nothing that differs between two runs over the same content with the same spec (no clock, no
scan number), so an export after a kill and resume equals that of an uninterrupted run. Only the
facts about a model's answer state how long it took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import Candidate, Event, SourceInfo

FramePictures = Callable[[Mapping[int, float]], Iterator[tuple[int, bytes]]]
"""takes frame numbers with their times in seconds; yields number and JPEG, at the source's size"""
FORMAT_VERSION = 2
"""2: `score` lies between 0 and 1; `energy`, `strokes` and an event's `facts` are new"""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Per-frame measurements of one stage: `values` is float32 of shape (frames, columns)."""

    stage: str
    columns: tuple[str, ...]
    indices: NDArray[np.int64]
    seconds: NDArray[np.float64]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DetectedObject:
    """An object found in a frame: `box` is x, y, width, height in source pixels.

    `mask` is COCO's uncompressed run lengths at the size the frame was shown; `vector` float32
    (dimension,); `description` an answer as in `FrameNotes.caption`.
    """

    label: str
    score: float
    box: tuple[float, float, float, float]
    track: int | None = None
    mask: dict[str, Any] | None = None
    description: dict[str, Any] | None = None
    vector: NDArray[np.float32] | None = None
    drawn: bool = False
    """whether a person drew it; its score is 1 then"""


@dataclass(frozen=True, slots=True)
class StageAnswer:
    """An answer that no field of its frame holds.

    `part` names the part of the frame it is about, empty for all of it; `line` is the answer in
    one line, as its stage declares; `body` is of the type that its stage declares.
    """

    stage: str
    part: str
    line: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FrameNotes:
    """What models said about one frame; `caption` holds text, finish, prompt and facts."""

    frame: int
    seconds: float
    tags: tuple[dict[str, Any], ...] = ()
    caption: dict[str, Any] | None = None
    things: tuple[DetectedObject, ...] = ()
    vector: NDArray[np.float32] | None = None
    failures: tuple[tuple[str, str], ...] = ()
    """stage and reason of what was asked in vain"""
    gated: tuple[tuple[str, str], ...] = ()
    """stage and reason if the frame was excluded from a model, see `models.gate`"""
    answers: tuple[StageAnswer, ...] = ()
    """those of stages whose answers have no field here"""
    lines: tuple[str, ...] = ()
    """all answers in words, for people; lines that begin with spaces belong to the one before"""
    stages: Mapping[str, str] = field(default_factory=dict)
    """by slot (as `StageDeclaration` names them) the stage whose answer fills it"""


@dataclass(frozen=True, slots=True)
class Document:
    """Everything kept about one source under one spec."""

    source: SourceInfo
    profile: str
    spec_hash: str
    frames: int
    moments: tuple[Event, ...]
    candidates: tuple[Candidate, ...]
    statistics: tuple[Statistics, ...]
    provenance: dict[str, Any]
    warnings: tuple[str, ...] = ()
    thumbnails: dict[int, bytes] = field(default_factory=dict)
    """JPEG of each moment's peak, by the moment's number"""
    frame_notes: tuple[FrameNotes, ...] = ()
    """what models said, by frame"""
    remarks: tuple[dict[str, Any], ...] = ()
    """what a person said about frames: `frame`, `marked`, `caption` and `tags` (None: nothing)"""
    verdicts: tuple[dict[str, Any], ...] = ()
    """what a model said about each candidate it was shown"""
    verdict_lines: tuple[str, ...] = ()
    """the verdicts in words, one each, as their stage declares"""
    verdict_stage: str = ""
    """the stage that gave the verdicts"""
    frame_pictures: FramePictures | None = None
    """reads frames, for formats that want their pictures; None where they cannot be read"""
    event_judgements: Mapping[int, str] = field(default_factory=dict)
    """what a person said of events: right, wrong or unsure, by the event's number"""
    candidate_judgements: tuple[str, ...] = ()
    """the same of each candidate, empty for none; no items where none is judged"""
    narrowed: str = ""
    """the filter that the events were narrowed down with; empty for all of them"""


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One source of a scan in its summary."""

    path: str
    kind: str
    state: str
    reason: str
    frames: int
    moments: int
    stream: int | None = None
    """which video stream of its file, where one was asked for by number"""


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
    narrowed: str = ""
    """the filter of the export; then `moments` of a task counts what it lets through"""
