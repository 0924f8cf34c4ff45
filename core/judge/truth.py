"""What is true of videos, read from files of several kinds (see `truth_tables`, `truth_texts`)."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..config.named_files import read_file
from ..errors import UsageError
from ..protocol.scores import TrueEvent
from ..text import clean, clean_path, counted
from ..timecodes import TimecodeRate, timecode_rate

__all__ = [
    "Footage", "NoTruth", "Reading", "TrueEvent", "Truth", "grouped", "read_truth", "read_truths",
    "reason_of",
]  # fmt: skip
MOST_BYTES = 256 * 2**20
EXAMPLE = '{"video": "a.mp4", "events": [{"kind": "bolt", "start_s": 12.4, "end_s": 12.5}]}'
KINDS_OF_FILES = (
    "JSON, JSONL, CSV, SRT, VTT and EDL exports of sightline, CSV of DVR-Scan and PySceneDetect, "
    "Audacity labels, or CSV with columns start and end"
)

NO_EVENTS = (
    "tag", "caption", "object", "description", "answer", "failure", "verdict", "remark", "frame",
)  # fmt: skip
"""values of `result` in rows and lines of our exports that are not events"""
RIGHT, WRONG = "right", "wrong"
"""what a person said of an event, see `storage.judgements`: what is wrong is no true event"""
OUR_TABLE = "number,kind,start_s,"
"""how our CSV begins, whose texts may contain anything"""
EXPECTED = f"expected: {KINDS_OF_FILES}, or JSON like {EXAMPLE}"
_UNKNOWN = f"unknown format; {EXPECTED}"


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one video: its name or path, empty where the file does not say.

    `content` is its hash where the file says it. `cuts` are true where cuts are judged, in place
    of `events` (a list of scenes is a list of cuts).
    """

    video: str
    events: tuple[TrueEvent, ...]
    content: str = ""
    cuts: tuple[TrueEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Footage:
    """A video that a truth file may name, as its scan knows it."""

    names: frozenset[str]
    """path and file name, also as exports write them"""
    frame_rate: float | None = None
    start_timecode: str = ""

    @property
    def count(self) -> TimecodeRate:
        """How its timecodes count."""
        return timecode_rate(self.frame_rate, self.start_timecode)


class NoTruth(ValueError):
    """A file, or a line of it, says nothing that could be true."""


Reading = Callable[[str, Sequence[Footage]], list[Truth] | None]
"""Takes a file's text; returns None for a text of another kind. Raises NoTruth."""


def read_truth(path: Path) -> Truth:
    """Read a file about one video. Raises UsageError."""
    found = read_truths(path)
    if len(found) != 1:
        raise UsageError(
            f"{clean_path(str(path))} is about {counted(len(found), 'video')}, not one"
        )
    return found[0]


def read_truths(path: Path, footage: Sequence[Footage] = ()) -> tuple[Truth, ...]:
    """Read a truth file of any kind, one Truth for each video it names.

    `footage` says how frames of videos are timed, for files that count in timecodes. Raises
    UsageError naming the file and what is wrong in it.
    """
    from . import truth_tables, truth_texts

    readings: tuple[Reading, ...] = (*truth_texts.READINGS, *truth_tables.READINGS)
    shown = clean_path(str(path))
    try:
        text = _text(path)
        read = (reading(text, footage) for reading in readings)
        found = next((truths for truths in read if truths is not None), None)
        if not found:
            raise NoTruth(_UNKNOWN if found is None else f"it does not name a video; {EXPECTED}")
        return tuple(_checked(truth) for truth in found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{shown} cannot be used as truth: {clean(reason_of(error))}") from error


def reason_of(error: Exception) -> str:
    """Say what is wrong in a file: in one line, and with what it should be where that helps."""
    if isinstance(error, NoTruth):
        return str(error)
    if isinstance(error, RecursionError):
        return f"it is nested too deeply; {EXPECTED}"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not text in UTF-8 or UTF-16; {EXPECTED}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, KeyError):
        return f"{error} is missing; {EXPECTED}"
    if isinstance(error, TypeError | AttributeError):
        return f"its JSON has an unknown structure; {EXPECTED}"
    return f"{error}; {EXPECTED}"


def grouped(events: Sequence[tuple[str, TrueEvent]]) -> list[Truth]:
    """Return one Truth for each video, in order of their first event."""
    videos: dict[str, list[TrueEvent]] = {}
    for video, event in events:
        videos.setdefault(video, []).append(event)
    return [Truth(video, tuple(of)) for video, of in videos.items()]


def _text(path: Path) -> str:
    """Return a file's text: UTF-8, with or without a byte order mark, or UTF-16 with one."""
    try:
        data = read_file(path, MOST_BYTES)
    except ValueError as error:
        raise UsageError(f"{error}, so it cannot be used as truth") from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def _checked(truth: Truth) -> Truth:
    for event in (*truth.events, *truth.cuts):
        times = (event.start_seconds, event.end_seconds, event.peak_seconds, *event.strokes)
        named = f"the event at {event.start_seconds:g} s"
        if not all(math.isfinite(time) for time in times):
            raise NoTruth(f"{named} has a time that is not a number of seconds")
        if event.end_seconds < event.start_seconds:
            raise NoTruth(f"{named} ends before it starts, at {event.end_seconds:g} s")
    return replace(truth, events=tuple(sorted(truth.events, key=lambda each: each.start_seconds)))
