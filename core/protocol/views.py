"""What a client may read, as plain records: shared by the engine's side and every front."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..text import counted
from .passed_over import PassedOver


@dataclass(frozen=True, slots=True)
class ScanLine:
    """A scan in a list. `stages` are given where they are not those of the profile it names."""

    scan: int
    created: str
    profile: str
    state: str
    sources: int
    done: int
    failed: int
    left: int
    moments: int
    asked: tuple[str, ...]
    stages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job of any kind in a list: `done` of `total` units of work, as far as they are counted.

    `known`: whether this version knows the kind; a job of another kind is kept as it is.
    """

    number: int
    kind: str
    title: str
    created: str
    state: str
    done: int
    total: int
    reason: str
    known: bool = True
    standing: bool = False
    """continues until a user ends it"""


@dataclass(frozen=True, slots=True)
class TaskView:
    """A source of a scan."""

    number: int
    path: str
    kind: str
    state: str
    reason: str
    frames: int
    moments: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PlanPart:
    """A part of a scan's work: frames, and from to how many seconds; None where not measured."""

    what: str
    frames: int
    low_seconds: float | None
    high_seconds: float | None
    scans: int
    """how many scans measured it here"""


@dataclass(frozen=True, slots=True)
class PlanView:
    """What a scan would do, and how long it takes by what earlier scans measured.

    `seconds` is the middle of `low_seconds` and `high_seconds`; all are None where a part of the
    work was never measured here, and `basis` names that part.
    """

    sources: int
    known: int
    failed_before: int
    to_read: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]
    left_out: int
    frames: int
    seconds: float | None
    basis: str
    passed_over: PassedOver
    low_seconds: float | None = None
    high_seconds: float | None = None
    parts: tuple[PlanPart, ...] = ()
    unchanged: int = 0
    """sources that are not scanned, because only new or changed ones are"""


@dataclass(frozen=True, slots=True)
class ModelMemory:
    """What a model was measured to take; `batches` are the largest that fitted, by stage."""

    name: str
    device: str
    bytes: int
    batches: dict[str, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A clip of one or more events, or a picture of one: its file, or why there is none."""

    source: str
    path: Path | None
    failure: str = ""
    events: int = 1
    how: str = ""
    """whether a clip was copied or re-encoded, and why"""


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """How far an export is: `done` of `total`; `what` is a source, or an event for clips."""

    what: str = "source"
    done: int = 0
    total: int = 0

    @property
    def words(self) -> str:
        """Return it in words: `3 of 12 sources`."""
        return f"{self.done} of {counted(self.total, self.what)}"


@dataclass(frozen=True, slots=True)
class ExportNote:
    """One line about what an export does not contain."""

    text: str


@dataclass(frozen=True, slots=True)
class ExportState:
    """The state of an export; `trouble` says why one that is finished was broken off."""

    progress: ExportProgress = ExportProgress()
    files: int = 0
    failed: int = 0
    """clips or pictures that could not be made"""
    failures: tuple[str, ...] = ()
    """why, of the first of them"""
    notes: tuple[str, ...] = ()
    """what the files do not contain, see `ExportNote`"""
    finished: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class RederivedSource:
    """One source measured again: `same`, `changed` (then `reason` says what), or `skipped`."""

    path: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many answers of a stage are the same as in batches of the first size.

    `least_cosine` is that of vectors; `difference` shows the first answer that is another.
    """

    stage: str
    answers: int
    same: int
    least_cosine: float | None = None
    difference: str = ""


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch size: frames a second of the whole scan, and that speed by the first size's.

    `batch` is 0 for the sizes of the profile.
    """

    batch: int
    frames: int
    frames_per_second: float
    speed: float
    peak_bytes: int | None
    """most memory held while a VLM answered, where it is reported"""
    stages: tuple[Agreement, ...]
    share: float | None = None
    """speed of the scan by that of its models alone, given the same inputs; None without models,
    with a server, and where a model had to leave memory meanwhile"""
