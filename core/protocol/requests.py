"""Requests that change nothing at work: what is kept, pictures, exports, models, the machine.

Commands stand in `commands.py`, lists that come in pages in `queries.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..times import WrittenTime
from .commands import SubmitScan
from .queries import (
    ExportRequest,
    ListLogLines,
    ListMatrix,
    ListModels,
    ListResults,
    ListScans,
    ListTasks,
    ScoreRequest,
)
from .replies import (
    Done,
    ExportBegun,
    Exported,
    ModelDetails,
    ModelLines,
    ModelMemories,
    ModelPinned,
    Picture,
    RowsWritten,
    Samples,
    ScanLines,
    TaskPage,
    VerifiedModels,
)
from .request import Request, Streamed
from .scores import Scored
from .state import EngineState, MachineState
from .views import ExportProgress, ExportState, InstantView, Piece, PlanView

CHUNK_BYTES = 48 * 1024
"""of a picture, in one part of a streamed reply"""
START = WrittenTime(0.0)
TASKS_OF_A_PART = 500
MOST_STILL_PIXELS = 8192
StopHow = Literal["now", "after_source"]
ModelChannel = Literal["stable", "edge"]


@dataclass(frozen=True, slots=True)
class GetState(Request[EngineState], right="read"):
    """What everything looks like now."""


@dataclass(frozen=True, slots=True)
class GetMachine(Request[MachineState], right="read", long=True):
    """How the machine is: as the engine measures it all the time, else measured for this."""


@dataclass(frozen=True, slots=True)
class GetSamples(Request[Samples], right="read"):
    """What the machine did after a time (seconds since the epoch)."""

    since: float = 0.0


@dataclass(frozen=True, slots=True)
class StopEngine(Request[Done], right="admin", long=True):
    """End the engine: `now`, after the microbatch at work, or `after_source`."""

    how: StopHow = "now"


@dataclass(frozen=True, slots=True)
class GetScans(Request[ScanLines], right="read", heavy=True):
    """Every scan of the library."""


@dataclass(frozen=True, slots=True)
class GetTasks(Streamed[TaskPage, TaskPage], right="read", heavy=True):
    """The sources of a scan, in order."""

    scan: int

    @classmethod
    def gathered(cls, parts: Sequence[TaskPage]) -> TaskPage:
        """Return all sources."""
        return TaskPage(tuple(task for part in parts for task in part.tasks))


@dataclass(frozen=True, slots=True)
class GetInstant(Request[InstantView], right="read", heavy=True):
    """Everything kept about one instant of a source."""

    path: str
    when: WrittenTime = START


@dataclass(frozen=True, slots=True)
class GetStill(Streamed[bytes, Picture], right="read", heavy=True):
    """An instant of a source as a picture, read from its file; parts are pieces of the JPEG."""

    path: str
    when: WrittenTime = START
    longest_side: int = 1920

    @classmethod
    def gathered(cls, parts: Sequence[bytes]) -> Picture:
        """Return the whole picture."""
        return Picture(b"".join(parts))


@dataclass(frozen=True, slots=True)
class ScoreScan(Request[Scored], right="read", heavy=True):
    """Compare a scan's events with a truth file."""

    scan: int
    score: ScoreRequest


@dataclass(frozen=True, slots=True)
class PlanScan(Request[PlanView], right="read", heavy=True):
    """What a scan would do, with or without a library there."""

    scan: SubmitScan


@dataclass(frozen=True, slots=True)
class ExportResults(Streamed[ExportProgress | Piece, Exported], right="export", long=True):
    """Write results as files; parts say how far it is, and name each file or failure."""

    export: ExportRequest

    @classmethod
    def gathered(cls, parts: Sequence[ExportProgress | Piece]) -> Exported:
        """Return what was written."""
        pieces = tuple(part for part in parts if isinstance(part, Piece))
        totals = (part.total for part in parts if isinstance(part, ExportProgress))
        return Exported(pieces, any(totals))


@dataclass(frozen=True, slots=True)
class BeginExport(Request[ExportBegun], right="export"):
    """Have the engine write results as files, also when whoever asked leaves meanwhile."""

    export: ExportRequest


@dataclass(frozen=True, slots=True)
class GetExport(Request[ExportState], right="read"):
    """How an export that was begun stands."""

    number: int


@dataclass(frozen=True, slots=True)
class ExportRows(Request[RowsWritten], right="export", heavy=True):
    """Write all rows of a list, whatever page it names, to a file: `jsonl` or `csv`."""

    query: ListScans | ListTasks | ListResults | ListModels | ListMatrix | ListLogLines
    format: str
    path: Path


@dataclass(frozen=True, slots=True)
class GetModelMemory(Request[ModelMemories], right="read", heavy=True):
    """What each model that was ever loaded for the library took."""


@dataclass(frozen=True, slots=True)
class GetModels(Request[ModelLines], right="read", heavy=True):
    """The models known by name, and whatever else is on this disk."""


@dataclass(frozen=True, slots=True)
class GetModel(Request[ModelDetails], right="read", heavy=True):
    """One model: where it comes from, what is here, what was verified."""

    name: str
    channel: ModelChannel = "stable"
    offline: bool = False


@dataclass(frozen=True, slots=True)
class GetVerified(Request[VerifiedModels], right="read", heavy=True):
    """Which commits of models were verified; only those of `name` unless it is empty."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class PromoteModel(Request[ModelPinned], right="write", long=True):
    """Hold a model at the commit that was verified last."""

    name: str
