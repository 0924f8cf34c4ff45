"""Comparisons of two sets of answers about the same items: figures, and what they amount to."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from ..text import counted

Better = Literal["higher", "lower", ""]
"""which of two values is the better one; empty where neither is"""
LEVEL = 0.05
"""of all tests, after Holm's correction"""
LEAST_CLUSTERS = 6
"""with fewer, no outcome of a sign-flip test is below 5 %: 2 / 2**5 is 0.0625"""


@dataclass(frozen=True, slots=True)
class PairedMetric:
    """A metric of A and B over the same items. `difference` is that of B less that of A.

    `low` and `high` bound the difference with 95 % confidence. `p` is that of the test, `adjusted`
    the same after Holm's correction for all metrics of the comparison. `detectable` is the least
    difference that the test finds in four of five cases. All are None where there is no test.
    """

    name: str
    items: int
    clusters: int
    """groups of items that depend on each other: one for each source"""
    first: float | None
    second: float | None
    difference: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    adjusted: float | None = None
    detectable: float | None = None
    better: Better = "higher"
    made_by: str = ""
    """implementation, tokenizer and settings of a score; empty for what is counted"""

    @property
    def differs(self) -> bool:
        """Return whether the test finds a difference."""
        return self.adjusted is not None and self.adjusted < LEVEL

    @property
    def second_is_worse(self) -> bool:
        """Return whether the test finds B worse."""
        gain = self.difference or 0.0
        return self.differs and self.better != "" and (gain < 0) == (self.better == "higher")


def sentence(found: PairedMetric, first: str = "A", second: str = "B") -> str:
    """Return what a comparison amounts to, in words."""
    if found.difference is None:
        return "no item has it in both"
    if found.p is None:
        return _untested(found, found.difference)
    if found.low is None or found.high is None or found.detectable is None:
        return f"no difference: the same for {counted(found.items, 'item')}"
    if not found.differs:
        least = found.detectable
        return "no difference seen; a difference of " + number(least, least) + " would have been"
    gain, low, high = found.difference, found.low, found.high
    name = second if (gain > 0) == (found.better != "lower") else first
    if gain < 0:
        gain, low, high = -gain, -high, -low
    values = (gain, low, high)
    by, least_, most = (number(each, *values) for each in values)
    word = "better" if found.better else "higher"
    return f"{name} {word} by {by} ({least_} to {most})"


def _untested(found: PairedMetric, difference: float) -> str:
    of = f" of {counted(found.clusters, 'source')}" if found.clusters < found.items else ""
    what = counted(found.items, "item") + of
    return f"difference {difference:+.3g}; {what}: too few for a test"


def number(value: float, *beside: float) -> str:
    """Return a number with the decimals that the least of those beside it needs, at most four."""
    sizes = [abs(each) for each in beside if each]
    least, most = min(sizes, default=1.0), max(sizes, default=1.0)
    wanted = -floor(log10(least)) if least < 1 else 0
    return f"{value:.{min(max(wanted, 2 if most < 10 else 1 if most < 100 else 0), 4)}f}"


@dataclass(frozen=True, slots=True)
class TextScore:
    """One score of a scan's answers against references; `items` is how many were scored."""

    name: str
    value: float | None
    items: int
    made_by: str


@dataclass(frozen=True, slots=True)
class StageScores:
    """The scores of a stage's answers. `unanswered` of the referenced items have no answer.

    `paired` compares them with those of another scan, over the items that both answered.
    """

    stage: str
    model: str
    items: int
    unanswered: int
    scores: tuple[TextScore, ...]
    paired: tuple[PairedMetric, ...] = ()
    other_model: str = ""


@dataclass(frozen=True, slots=True)
class TextScored:
    """A scan's answers against references; `against` is the scan that it is compared with."""

    scan: int
    against: int | None
    reference_hash: str
    stages: tuple[StageScores, ...]
    notes: tuple[str, ...] = ()
    """what was not scored, and why"""
