"""What a profile finds in one file, against what it finds with other settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..request import Request, Streamed

EVENTS_OF_A_PART = 500


@dataclass(frozen=True, slots=True)
class TrialProgress:
    """How far a file is read that was not measured with these settings yet; `total` 0: unknown."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TriedEvent:
    """An event as one of the two sides finds it; times in seconds.

    `is_new`: whether the other side has no event of the kind that shares a frame with it.
    """

    now: bool
    """whether it is found with the changed settings, else as saved"""
    kind: str
    start_seconds: float
    peak_seconds: float
    end_seconds: float
    score: float
    is_new: bool
    judgement: str
    """what was said of it: right, wrong, unsure or nothing"""


@dataclass(frozen=True, slots=True)
class KeptJudgements:
    """How many judged peaks of a file there are, and how many lie in an event of either side."""

    right: int = 0
    wrong: int = 0
    right_saved: int = 0
    wrong_saved: int = 0
    right_now: int = 0
    wrong_now: int = 0


@dataclass(frozen=True, slots=True)
class TriedPart:
    """Some of the events, in order of time, those as saved first."""

    events: tuple[TriedEvent, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What two settings find in a file: what is added, lost and kept."""

    path: str
    seconds: float
    """length of the file; of a picture 0"""
    was_read: bool
    """whether the file was read; else it was decided on stored measurements"""
    judgements: KeptJudgements
    note: str = ""
    """what the comparison leaves out"""
    events: tuple[TriedEvent, ...] = ()

    @property
    def saved(self) -> tuple[TriedEvent, ...]:
        """Return the events as saved."""
        return tuple(each for each in self.events if not each.now)

    @property
    def now(self) -> tuple[TriedEvent, ...]:
        """Return the events with the changed settings."""
        return tuple(each for each in self.events if each.now)

    @property
    def added(self) -> tuple[TriedEvent, ...]:
        """Return the events that are found now only."""
        return tuple(each for each in self.now if each.is_new)

    @property
    def lost(self) -> tuple[TriedEvent, ...]:
        """Return the events that are found as saved only."""
        return tuple(each for each in self.saved if each.is_new)


def change_words(found: Tried) -> str:
    """Return what changes, in words: `5 added, 1 lost, 2 joined`."""
    parts = [f"{len(found.added)} added", f"{len(found.lost)} lost"]
    same = (len(found.saved) - len(found.lost)) - (len(found.now) - len(found.added))
    if same:
        parts.append(f"{abs(same)} {'joined' if same > 0 else 'split'}")
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class TryProfile(Streamed[TrialProgress | TriedPart | Tried, Tried], right="read", heavy=True):
    """What a profile finds in a file with dotted `overrides`, against what it finds without.

    With `against`, it is compared with that profile instead. Decided on stored measurements; where
    they were made with other settings, this file is read, and what is measured is not stored.
    Answers of models are not asked for.
    """

    profile: str
    path: str
    overrides: dict[str, Any] = field(default_factory=dict)
    against: str = ""

    @classmethod
    def gathered(cls, parts: Sequence[TrialProgress | TriedPart | Tried]) -> Tried:
        """Return all of it."""
        events = [each for part in parts if isinstance(part, TriedPart) for each in part.events]
        whole = next(part for part in parts if isinstance(part, Tried))
        return replace(whole, events=tuple(events))


@dataclass(frozen=True, slots=True)
class JudgedAt:
    """How many judged peaks reach the threshold of a sensitivity; by their scores."""

    sensitivity: float
    threshold: float
    right: int
    wrong: int


@dataclass(frozen=True, slots=True)
class JudgedAtEach:
    """The counts at each sensitivity, in the order of the request; none for an unknown scale."""

    judged: int
    """right and wrong peaks of the kind in the library"""
    each: tuple[JudgedAt, ...]


@dataclass(frozen=True, slots=True)
class GetJudgedAt(Request[JudgedAtEach], right="read", heavy=True):
    """What sensitivities of a kind would keep of all judged peaks of the library."""

    kind: str
    sensitivities: tuple[float, ...]
