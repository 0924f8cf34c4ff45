"""Results as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..queries import (
    ExportRequest,
    ListLogLines,
    ListMatrix,
    ListModels,
    ListResults,
    ListScans,
    ListTasks,
)
from ..request import Request, Streamed
from ..views import ExportNote, ExportProgress, ExportState, Piece


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
    """What an export wrote and could not write; `matched`: whether anything was asked for."""

    pieces: tuple[Piece, ...]
    matched: bool


@dataclass(frozen=True, slots=True)
class ExportResults(
    Streamed[ExportProgress | Piece | ExportNote, Exported], right="export", long=True
):
    """Write results as files; parts say how far it is, and name each file or failure."""

    export: ExportRequest

    @classmethod
    def gathered(cls, parts: Sequence[ExportProgress | Piece | ExportNote]) -> Exported:
        """Return what was written."""
        pieces = tuple(part for part in parts if isinstance(part, Piece))
        totals = (part.total for part in parts if isinstance(part, ExportProgress))
        return Exported(pieces, any(totals))


@dataclass(frozen=True, slots=True)
class BeginExport(Request[ExportBegun], right="export"):
    """Have the engine write results as files, also when the client leaves meanwhile."""

    export: ExportRequest


@dataclass(frozen=True, slots=True)
class GetExport(Request[ExportState], right="read"):
    """The progress of an export that was started."""

    number: int


@dataclass(frozen=True, slots=True)
class FormatLine:
    """A format that results can be exported in; `description` says why one cannot be used."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class FormatLines:
    """Formats: those that come with sightline, then those of enabled plugins."""

    formats: tuple[FormatLine, ...]


@dataclass(frozen=True, slots=True)
class GetFormats(Request[FormatLines], right="read", heavy=True):
    """Every format that results can be exported in."""


@dataclass(frozen=True, slots=True)
class ExportSize:
    """How many events, clips and pictures an export would have, and about how large they are.

    `clip_bytes` is by the mean bit rate of each file: clips that are copied are about so large,
    those that are encoded again may be larger. `picture_bytes` is by pictures of one event of up to
    three sources; None where no source can be read.
    """

    events: int
    clips: int
    clip_bytes: int
    pictures: int
    picture_bytes: int | None


@dataclass(frozen=True, slots=True)
class GetExportSize(Request[ExportSize], right="read", heavy=True):
    """How large clips and pictures of an export would be."""

    export: ExportRequest


@dataclass(frozen=True, slots=True)
class ExportRows(Request[RowsWritten], right="export", heavy=True):
    """Write all rows of a list, whatever page it names, to a file: `jsonl` or `csv`."""

    query: ListScans | ListTasks | ListResults | ListModels | ListMatrix | ListLogLines
    format: str
    path: Path
