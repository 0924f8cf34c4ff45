"""Jobs of every kind, as stored in the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..request import Request, Streamed
from ..views import JobLine

ROWS_OF_A_PART = 500


@dataclass(frozen=True, slots=True)
class JobLines:
    """Jobs, the newest first."""

    jobs: tuple[JobLine, ...]


@dataclass(frozen=True, slots=True)
class JobRows:
    """What a job's finished units of work came to, as JSON objects: all, or a part of a reply."""

    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class GetJobs(Request[JobLines], right="read", heavy=True):
    """Every job of the library, or every one of a kind."""

    kind: str = ""


@dataclass(frozen=True, slots=True)
class GetJob(Request[JobLine], right="read", heavy=True):
    """One job."""

    number: int


@dataclass(frozen=True, slots=True)
class GetJobRows(Streamed[JobRows, JobRows], right="read", heavy=True):
    """What the finished units of work of a job came to."""

    number: int

    @classmethod
    def gathered(cls, parts: Sequence[JobRows]) -> JobRows:
        """Return all rows."""
        return JobRows(tuple(row for part in parts for row in part.rows))
