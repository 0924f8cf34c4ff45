"""What the engine looks like at one moment. Frozen records, JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .wire_forms import from_json, to_json


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of the pipeline: who is slow, who waits."""

    name: str
    batches: int
    busy_seconds: float
    waits_in_seconds: float
    waits_out_seconds: float
    queued: int
    capacity: int


@dataclass(frozen=True, slots=True)
class TaskState:
    """A source being worked on."""

    number: int
    path: str
    frames_done: int
    frames_total: int | None
    frames_per_second: float
    steps: tuple[StepState, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanState:
    """A scan in this engine."""

    scan: int
    profile: str
    state: str
    sources: int
    finished: int
    failed: int
    moments: int
    tasks: tuple[TaskState, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineState:
    """Everything now; `sequence` is the number of the last event it includes."""

    sequence: int
    library: str
    scans: tuple[ScanState, ...] = ()


def state_to_json(state: EngineState) -> dict[str, Any]:
    """Return the state as a JSON object."""
    return to_json(state)


def state_from_json(body: dict[str, Any]) -> EngineState:
    """Return the state of a JSON object."""
    return from_json(body, {"EngineState": EngineState})
