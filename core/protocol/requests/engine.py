"""The engine and the machine it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..replies import Done
from ..request import Request
from ..state import EngineState, MachineState

StopHow = Literal["now", "after_source"]


@dataclass(frozen=True, slots=True)
class Samples:
    """What the machine did, second by second, the oldest first: JSON objects."""

    samples: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class GetState(Request[EngineState], right="read"):
    """Get the current state of the engine."""


@dataclass(frozen=True, slots=True)
class GetMachine(Request[MachineState], right="read", long=True):
    """How the machine is: as the engine measures it all the time, else measured for this."""


@dataclass(frozen=True, slots=True)
class GetSamples(Request[Samples], right="read"):
    """What the machine did after a time (seconds since the epoch)."""

    since: float = 0.0


@dataclass(frozen=True, slots=True)
class StopEngine(Request[Done], right="admin", long=True):
    """End the engine: `now`, after the current microbatch, or `after_source`."""

    how: StopHow = "now"
