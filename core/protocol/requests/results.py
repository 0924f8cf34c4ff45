"""Scans and their sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..commands import SubmitScan
from ..request import Request, Streamed
from ..views import PlanView, ScanLine, TaskView

TASKS_OF_A_PART = 500


@dataclass(frozen=True, slots=True)
class ScanLines:
    """Scans, the newest first."""

    scans: tuple[ScanLine, ...]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Sources of a scan in order: all of them, or a part of a streamed reply."""

    tasks: tuple[TaskView, ...]


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
class GoldenRows:
    """Lines of a golden file as JSON objects: all, or a part of a streamed reply."""

    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class GetStageOutput(Streamed[GoldenRows, GoldenRows], right="read", heavy=True):
    """What one stage of a scan gave for each source, as a golden file holds it."""

    scan: int
    stage: str

    @classmethod
    def gathered(cls, parts: Sequence[GoldenRows]) -> GoldenRows:
        """Return all lines."""
        return GoldenRows(tuple(row for part in parts for row in part.rows))


@dataclass(frozen=True, slots=True)
class PlanScan(Request[PlanView], right="read", heavy=True):
    """What a scan would do, with or without a library there."""

    scan: SubmitScan
