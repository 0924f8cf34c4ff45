"""Edges that must not be lost: what happened in the engine, in order. JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from .codec import from_json, to_json, wire_name


@dataclass(frozen=True, slots=True)
class ScanStarted:
    """A scan's sources are known; always the first event of a scan, also of one that is resumed."""

    scan: int
    profile: str
    sources: int
    known: int
    watch: int = 0
    """the watched folder (a job) that submitted it; 0 for none, and when it is resumed"""


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """Work on a source began, or was found done already: precedes all else about that source.

    `frames` is what the container promises, None if unknown. It may come more than once: for each
    pass of models over the source, and for a second try.
    """

    scan: int
    number: int
    path: str
    frames: int | None


@dataclass(frozen=True, slots=True)
class BatchDone:
    """A microbatch was kept."""

    scan: int
    number: int
    frames: int
    frames_per_second: float


@dataclass(frozen=True, slots=True)
class EventFound:
    """An event of a finished source, also of one that an earlier scan finished (`known`)."""

    WIRE_NAME: ClassVar[str] = "MomentFound"
    """as `--json` has called it from the beginning"""

    scan: int
    number: int
    path: str
    kind: str
    start_frame: int
    end_frame: int
    start_seconds: float
    peak_seconds: float
    end_seconds: float
    score: float
    peak_frame: int = 0
    stream: int | None = None
    """which video stream of its file, where one was asked for by number"""
    energy: float = 0.0
    strokes: tuple[float, ...] = ()
    """times of a flash's strokes in seconds"""


@dataclass(frozen=True, slots=True)
class TaskFinished:
    """A source is finished: `state` is done, known or failed (then `reason` says why)."""

    scan: int
    number: int
    path: str
    state: str
    reason: str
    frames: int
    moments: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know, about a source or about the scan."""

    scan: int
    text: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What lies in the folders of a scan and is not read, counted: see `passed_over.PassedOver`."""

    scan: int
    """the scan, or the watched folder (a job)"""
    links: int
    folders: dict[str, int]
    kinds: dict[str, int]
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class ScanFinished:
    """A scan ended: done, interrupted or failed. Always the last event of a scan.

    `reason` is why it was interrupted, if not by the user; `fault` is the error's class in
    `core/errors.py`, such as DiskFull.
    """

    scan: int
    state: str
    done: int
    known: int
    failed: int
    moments: int
    seconds: float
    reason: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class EventJudged:
    """A person judged the event or candidate of a kind that peaks at a frame of a content.

    `judgement` is right, wrong or unsure; empty if it was taken back.
    """

    scan: int
    """always 0: a judgement belongs to the content"""
    content: str
    kind: str
    peak_frame: int
    judgement: str


@dataclass(frozen=True, slots=True)
class FrameRemarked:
    """A person marked a frame, corrected an answer about it, drew a box on it, or undid that."""

    scan: int
    """always 0: a remark belongs to the content"""
    content: str
    frame: int


@dataclass(frozen=True, slots=True)
class PullEnded:
    """A model was fetched, or not: `state` is done, failed or cancelled (`reason` says why)."""

    scan: int
    """always 0: it belongs to no scan"""
    name: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A job of another kind than a scan begins, or continues; `total` is 0 if not known yet."""

    scan: int
    """the job's number"""
    kind: str
    title: str
    total: int


@dataclass(frozen=True, slots=True)
class JobReported:
    """What a job of another kind than a scan has to say: `body` is a line of `--json`."""

    scan: int
    """the job's number"""
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobFinished:
    """A job of another kind than a scan ended; always its last message.

    `state`, `reason` and `fault` are as in `ScanFinished`.
    """

    scan: int
    """the job's number"""
    kind: str
    state: str
    seconds: float
    reason: str = ""
    fault: str = ""


Message = (
    ScanStarted
    | TaskStarted
    | BatchDone
    | EventFound
    | TaskFinished
    | Warned
    | LeftOut
    | ScanFinished
    | EventJudged
    | FrameRemarked
    | PullEnded
    | JobStarted
    | JobReported
    | JobFinished
)
EVENTS: dict[str, type[Message]] = {wire_name(each): each for each in get_args(Message)}


def event_to_json(event: Message) -> dict[str, Any]:
    """Return an event as a JSON object."""
    return to_json(event)


def event_from_json(body: dict[str, Any]) -> Message:
    """Return the event of a JSON object. Raises KeyError or TypeError for anything unknown."""
    return from_json(body, EVENTS)
