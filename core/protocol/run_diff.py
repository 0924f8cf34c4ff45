"""What changed between the answers of two scans, item by item and as a whole. JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .answer_facts import StageFacts, State
from .comparisons import PairedMetric

Outcome = Literal["broken", "worse", "better", "changed", "same", "gap"]
"""`broken`: there was an answer, and there is none; `worse` and `better`: by facts, or by the
reference; `changed`: another answer, and nothing says which is better; `gap`: one of the two was
not asked, or neither has an answer"""
OUTCOMES: tuple[Outcome, ...] = ("broken", "worse", "better", "changed", "same", "gap")
OF_A_RUN = ("seconds", "first_token_seconds", "tokens_per_second", "peak_bytes")
"""figures of the run that asked, not of what was answered"""
NOTABLE_SHARE = 0.1
"""by which a figure must differ to be marked, besides being beyond noise"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word diff: in both ("="), only before ("-"), or only after ("+")."""

    mark: Literal["=", "-", "+"]
    text: str


@dataclass(frozen=True, slots=True)
class ItemDiff:
    """One question in both scans. `similarity` is 0 to 1; None unless both answered.

    States are empty where it was not asked. `before_facts` and `after_facts` are lines.
    """

    stage: str
    path: str
    seconds: float
    about: str
    outcome: Outcome
    why: str
    before: str
    after: str
    before_state: State | Literal[""]
    after_state: State | Literal[""]
    similarity: float | None
    pieces: tuple[Piece, ...] = ()
    before_facts: str = ""
    after_facts: str = ""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A setting of how a stage asks that differs; `asks` if it is part of the question itself."""

    name: str
    before: str
    after: str
    asks: bool


@dataclass(frozen=True, slots=True)
class WordCount:
    """A word that only one of both says, and in how many of its answers."""

    word: str
    items: int


@dataclass(frozen=True, slots=True)
class StageDiff:
    """A stage of both scans. With `not_comparable`, why, nothing else of it is compared.

    `outcomes` counts items; `similarity` is the mean over those that both answered, of which
    `stored_once` are one and the same stored answer. `metrics` are figures and scores of both.
    """

    stage: str
    before_model: str
    after_model: str
    changes: tuple[KeyChange, ...]
    not_comparable: tuple[str, ...] = ()
    items: int = 0
    outcomes: dict[str, int] | None = None
    similarity: float | None = None
    similarity_low: float | None = None
    stored_once: int = 0
    metrics: tuple[PairedMetric, ...] = ()
    only_before: tuple[WordCount, ...] = ()
    only_after: tuple[WordCount, ...] = ()
    before_facts: StageFacts | None = None
    """of all answers of the scan, also of items that the other does not have"""
    after_facts: StageFacts | None = None


@dataclass(frozen=True, slots=True)
class RunDiff:
    """Two scans, or a part of the streamed reply: `rows` are all items, or some."""

    before: int
    after: int
    stages: tuple[StageDiff, ...]
    summary: tuple[str, ...]
    """what changed, in plain facts"""
    notes: tuple[str, ...] = ()
    """what is not compared, and why"""
    rows: tuple[ItemDiff, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Return whether an item is worse or broken, or a marked metric is worse.

        Times and memory do not count: they are of two runs, between which a machine drifts by more
        than what would be called a regression. That takes a second run.
        """
        counts = [each.outcomes or {} for each in self.stages]
        items = any(each.get("worse") or each.get("broken") for each in counts)
        metrics = (metric for each in self.stages for metric in each.metrics)
        return items or any(
            is_notable(metric) and metric.second_is_worse and metric.name not in OF_A_RUN
            for metric in metrics
        )


def percent(metric: PairedMetric) -> float | None:
    """Return by how many percent a metric changed; None from zero."""
    if not metric.first or metric.difference is None:
        return None
    return 100 * metric.difference / abs(metric.first)


def is_notable(metric: PairedMetric) -> bool:
    """Return whether a metric changed beyond noise; a figure must also change by 10 %."""
    change = percent(metric)
    is_score = bool(metric.made_by)
    is_large = change is None or abs(change) > 100 * NOTABLE_SHARE
    return metric.differs and (is_score or is_large)
