"""Facts about the answers of a scan: counted and measured, never judged. JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["answered", "truncated", "unparsed", "failed", "gated"]
"""`truncated` by the limit of tokens; `unparsed` if an answer was not of the form that was asked
for; `gated` if the frame was excluded from the model"""
Flag = Literal[
    "repeats", "loops", "echoes", "control_tokens", "refuses", "empty", "missing_fields",
]  # fmt: skip
"""what can be wrong with an answer whatever it is about; `docs/compare.md` defines each"""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer with its facts; `words` has them in one line. `about` is a part of the frame."""

    stage: str
    path: str
    seconds: float
    about: str
    state: State
    text: str
    reason: str
    words: str
    flags: tuple[Flag, ...]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outlier:
    """A value far from all others, and where it was measured."""

    path: str
    seconds: float
    value: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """A figure over all answers that have it. `spread` is the standard deviation.

    `outliers` are those more than three interquartile ranges beyond the quartiles, the farthest
    first.
    """

    name: str
    unit: str
    count: int
    mean: float
    median: float
    p95: float
    spread: float
    low: float
    high: float
    outliers: tuple[Outlier, ...] = ()


@dataclass(frozen=True, slots=True)
class FailurePattern:
    """Failures of one kind: their number and the first of them, with its own reason."""

    count: int
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class StageFacts:
    """The answers of one stage: how many of each state and with each flag, and their figures."""

    stage: str
    model: str
    items: int
    states: dict[str, int]
    flags: dict[str, int]
    figures: tuple[Distribution, ...]
    failures: tuple[FailurePattern, ...]


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """The facts of a scan, or a part of its streamed reply: `rows` are all answers, or some."""

    scan: int
    stages: tuple[StageFacts, ...]
    rows: tuple[AnswerRow, ...] = ()


def flags_of(facts: dict[str, Any]) -> tuple[Flag, ...]:
    """Return what is odd about an answer, by the facts that were kept of it."""
    checks: dict[Flag, bool] = {
        "repeats": (facts.get("repetition") or 0) >= REPEATS,
        "loops": bool(facts.get("looping")),
        "echoes": (facts.get("echo") or 0) >= ECHOES,
        "control_tokens": bool(facts.get("control_tokens")),
        "refuses": bool(facts.get("refusal")),
        "empty": bool(facts.get("empty")),
        "missing_fields": bool(facts.get("missing_fields")),
    }
    return tuple(name for name, is_so in checks.items() if is_so)


REPEATS = 0.3
"""share of the words that repeat a run of four words, from which on it is flagged"""
ECHOES = 0.5
"""share of the prompt's runs of words that the answer repeats, from which on it is flagged"""
