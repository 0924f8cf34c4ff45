"""Requests that change jobs or the library. Frozen records, JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from .replies import Accepted, ModelRemoved
from .request import Request

Mode = Literal["default", "redo", "changed", "retry_failed", "new"]
"""`changed` leaves out files that are as they were, `new` all that were looked at just so"""


@dataclass(frozen=True, slots=True)
class SubmitScan(Request[Accepted], right="write", long=True):
    """Scan paths. `overrides` are dotted settings on top of the profile."""

    JOB: ClassVar[str] = "scan"
    """the kind of job that a command submits"""
    paths: tuple[str, ...]
    profile: str
    overrides: dict[str, Any] = field(default_factory=dict)
    globs: tuple[str, ...] = ()
    mode: Mode = "default"
    follow_links: bool = False
    """also links in folders that lead out of `paths`"""
    watch: int = 0
    """the watched folder (a job) that submits it"""


@dataclass(frozen=True, slots=True)
class WatchFolder(Request[Accepted], right="write", long=True):
    """Scan every file that becomes complete in a folder, until the watch is ended.

    It takes the place of a watch of the same folder.
    """

    JOB: ClassVar[str] = "watch"
    folder: str
    profile: str
    overrides: dict[str, Any] = field(default_factory=dict)
    settle_seconds: float = 2.0
    """a file is complete once it has not changed for so long"""
    follow_links: bool = False
    """also links that lead out of the folder"""
    mode: Mode = "new"
    """of the scans it submits until the engine ends; from then on `new`"""
    attended: bool = False
    """a command waits for it and ends it: no later engine continues it by itself"""


@dataclass(frozen=True, slots=True)
class EndWatch(Request[Accepted], right="write", long=True):
    """Stop watching a folder; a scan of what appeared continues."""

    folder: str


@dataclass(frozen=True, slots=True)
class CheckBatches(Request[Accepted], right="write", long=True):
    """Scan the same frames in batches of each of `sizes`, `rounds` times, and compare.

    With models, at most `frames` images, and frames of each video, are taken. Without sizes, it is
    the one of the profile.
    """

    JOB: ClassVar[str] = "batch-check"
    paths: tuple[str, ...]
    profile: str
    overrides: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[int, ...] = (1, 2, 4, 8, 16)
    rounds: int = 1
    frames: int = 32


@dataclass(frozen=True, slots=True)
class VerifyScan(Request[Accepted], right="write", long=True):
    """Measure every source of a scan again, beside the library, and compare.

    With a `stage`, that one alone runs again, on the input that is kept, and its output is compared
    with what is kept or with a `golden` file (see `GetStageOutput`).
    """

    JOB: ClassVar[str] = "verification"
    scan: int
    stage: str = ""
    golden: str = ""


@dataclass(frozen=True, slots=True)
class ChangeIndex(Request[Accepted], right="write", long=True):
    """Bring the index of vectors up to date, or change it.

    `name` is of an index (one for each embedding model), or the start of its name. `update` indexes
    what is not; `rebuild` makes one index, or all, again from the library; `prune` removes vectors
    of files that are gone, under `paths` or everywhere; `switch` lets an index be searched;
    `remove` removes one; `import` keeps and indexes the vectors of a file, the one of `paths`.
    """

    JOB: ClassVar[str] = "index"
    action: Literal["update", "rebuild", "prune", "switch", "remove", "import"]
    name: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResumeScan(Request[Accepted], right="write", long=True):
    """Continue with an interrupted scan, or (with `failed`) try its failed sources again.

    In this command and the following ones, `scan` may be the number of a job of any kind.
    """

    scan: int
    failed: bool = False


@dataclass(frozen=True, slots=True)
class PauseScan(Request[Accepted], right="write", long=True):
    """Hold a running scan between two microbatches."""

    scan: int


@dataclass(frozen=True, slots=True)
class ContinueScan(Request[Accepted], right="write", long=True):
    """Resume a paused scan."""

    scan: int


@dataclass(frozen=True, slots=True)
class CancelScan(Request[Accepted], right="write", long=True):
    """Stop a running scan after the current microbatch; what is done is kept."""

    scan: int


@dataclass(frozen=True, slots=True)
class EndScan(Request[Accepted], right="write", long=True):
    """Stop a running scan after the current source."""

    scan: int


@dataclass(frozen=True, slots=True)
class MoveScan(Request[Accepted], right="write", long=True):
    """Move a waiting scan by `by` places in the queue; a negative number is towards its head."""

    scan: int
    by: int


@dataclass(frozen=True, slots=True)
class MarkFrame(Request[Accepted], right="write", long=True):
    """Mark a frame of a content, or take its mark away."""

    content: str
    frame: int
    on: bool = True


@dataclass(frozen=True, slots=True)
class CorrectFrame(Request[Accepted], right="write", long=True):
    """Put a caption or tags of one's own beside what a model said; an empty text takes it back.

    `what` is `caption` or `tags` (then `text` holds them separated by commas).
    """

    content: str
    frame: int
    what: Literal["caption", "tags"]
    text: str


@dataclass(frozen=True, slots=True)
class JudgeEvent(Request[Accepted], right="write", long=True):
    """Say of the event or candidate of a kind that peaks at a frame whether it is right.

    It takes the place of what was said of it before; an empty judgement takes that back. Every
    viewer gets an `EventJudged`.
    """

    content: str
    kind: str
    peak_frame: int
    judgement: Literal["right", "wrong", "unsure", ""]


@dataclass(frozen=True, slots=True)
class DrawBox(Request[Accepted], right="write", long=True):
    """Keep a box that a person drew on a frame of a content.

    `box` is x, y, width and height as shares of the upright picture, 0 to 1. The reply's number is
    that of the box. Every viewer gets a `FrameRemarked`.
    """

    content: str
    frame: int
    seconds: float
    label: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class EraseBox(Request[Accepted], right="write", long=True):
    """Remove a box that a person drew. Every viewer gets a `FrameRemarked`."""

    content: str
    frame: int
    number: int


@dataclass(frozen=True, slots=True)
class PullModel(Request[Accepted], right="write", long=True):
    """Fetch a model, or continue fetching one. `weights` names one file to take as its weights."""

    JOB: ClassVar[str] = "download"
    name: str
    channel: Literal["stable", "edge"] = "stable"
    allow_remote_code: bool = False
    weights: str = ""
    offline: bool = False


@dataclass(frozen=True, slots=True)
class PausePull(Request[Accepted], right="write", long=True):
    """Hold a download."""

    name: str


@dataclass(frozen=True, slots=True)
class ContinuePull(Request[Accepted], right="write", long=True):
    """Resume a paused download."""

    name: str


@dataclass(frozen=True, slots=True)
class CancelPull(Request[Accepted], right="write", long=True):
    """Stop a download; what came is kept."""

    name: str


@dataclass(frozen=True, slots=True)
class RemoveModel(Request[ModelRemoved], right="write", long=True):
    """Remove a model from the cache it lies in."""

    name: str


@dataclass(frozen=True, slots=True)
class RemoveScan(Request[Accepted], right="write", long=True):
    """Remove a scan, and what no other scan needs."""

    scan: int


Command = (
    SubmitScan | ResumeScan | PauseScan | ContinueScan | CancelScan | EndScan | MoveScan
    | RemoveScan | CheckBatches | VerifyScan | WatchFolder | EndWatch | MarkFrame | CorrectFrame
    | JudgeEvent | DrawBox | EraseBox | PullModel | PausePull | ContinuePull | CancelPull
    | RemoveModel | ChangeIndex
)  # fmt: skip
AboutScan = ResumeScan | PauseScan | ContinueScan | CancelScan | EndScan | MoveScan | RemoveScan
