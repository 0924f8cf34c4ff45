"""Replies to requests that have no better place of their own. Frozen records, JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .views import ModelMemory, Piece, ScanLine, TaskView


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command was carried out, or is from now on; `scan` is what it is about, 0 for none."""

    scan: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """It was done; there is nothing more to say."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `first` .. of `total`, each a JSON object."""

    total: int
    first: int
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ScanLines:
    """Scans, the newest first."""

    scans: tuple[ScanLine, ...]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Sources of a scan in order: all of them, or a part of a streamed reply."""

    tasks: tuple[TaskView, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as JPEG."""

    jpeg: bytes


@dataclass(frozen=True, slots=True)
class RowsWritten:
    """How many rows are in the file."""

    rows: int


@dataclass(frozen=True, slots=True)
class ExportBegun:
    """The number of an export that the engine carries out."""

    number: int


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote and could not write; `matched` tells whether anything was asked for."""

    pieces: tuple[Piece, ...]
    matched: bool


@dataclass(frozen=True, slots=True)
class ModelMemories:
    """What each model that was ever loaded took, the largest first."""

    models: tuple[ModelMemory, ...]


@dataclass(frozen=True, slots=True)
class Samples:
    """What the machine did, second by second, the oldest first: JSON objects."""

    samples: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model of the list. `state` is "", "whole", "half", or "begun" (no snapshot yet)."""

    name: str
    kind: str
    family: str
    repo: str
    state: str
    size_bytes: int
    pinned: str
    good_for: str
    licence: str
    remote_code: bool


@dataclass(frozen=True, slots=True)
class ModelLines:
    """The models known by name, then whatever else lies in the cache."""

    models: tuple[ModelLine, ...]


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """Everything about one model, as a JSON object in the order it is shown."""

    model: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VerifiedModels:
    """What was verified, each a JSON object, in the order it was noted."""

    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ModelRemoved:
    """A model was removed from this disk."""

    name: str
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class ModelPinned:
    """A model is held at a commit. `pinned` is the date and time, `why` what led to it."""

    repo: str
    commit: str
    pinned: str
    why: str
