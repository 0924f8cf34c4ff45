"""How a scan compares with what is true of its footage. Frozen records, JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..records import Event


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """One true stretch of a video, in seconds; `strokes` are empty where they were not counted."""

    kind: str
    start_seconds: float
    end_seconds: float
    peak_seconds: float
    strokes: tuple[float, ...] = ()
    has_peak: bool = True
    """False where the truth names no peak: `peak_seconds` is then its start"""


@dataclass(frozen=True, slots=True)
class CutOff:
    """The highest score, in steps of 0.01, from which on all events are kept that are right.

    `sensitivity` is the setting of the kind's stage that accepts from there on; None where the
    stage does not say.
    """

    score: float
    kept_right: int
    right: int
    dropped_wrong: int
    wrong: int
    sensitivity: float | None = None


@dataclass(frozen=True, slots=True)
class JudgedEvents:
    """What people said of a scan's events of one kind; of all kinds together where it is empty.

    `precision` is the share of right ones among those judged right or wrong, from `low` to `high`
    with a confidence of 95 %; all are None where none is judged so.
    """

    kind: str
    events: int
    right: int
    wrong: int
    unsure: int
    missed: int
    """rejected candidates that were judged right"""
    precision: float | None = None
    low: float | None = None
    high: float | None = None
    cut_off: CutOff | None = None
    """None where no event is right or none is wrong, and of all kinds together"""

    @property
    def unjudged(self) -> int:
        """Return how many events nobody judged."""
        return self.events - self.right - self.wrong - self.unsure


@dataclass(frozen=True, slots=True)
class JudgedScore:
    """What people said of a scan's events: of all, and by kind."""

    scan: int
    all: JudgedEvents
    kinds: tuple[JudgedEvents, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A true stretch and the event paired with it: how they overlap (0 to 1), how far peaks lie."""

    true_start_seconds: float
    true_end_seconds: float
    event: int
    """its number"""
    start_seconds: float
    end_seconds: float
    overlap: float
    peak_error_seconds: float | None
    """None where the truth states no peak"""
    true_strokes: int = 0
    strokes: int = 0
    stroke_hits: int = 0


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One metric of a score: its value, and the line that is printed."""

    name: str
    value: float | None
    line: str
    plugin: str = ""
    """the distribution that provides it, and its version; empty for a built-in one"""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """How found events compare with the truth; shares are None where nothing can be shared."""

    true: int
    found: int
    hits: int
    right: int
    recall: float | None
    precision: float | None
    recall_by_kind: dict[str, tuple[int, int]]
    timing_median_seconds: float | None
    timing_worst_seconds: float | None
    misses: tuple[TrueEvent, ...]
    false_alarms: tuple[Event, ...]
    paired: int = 0
    """true stretches and events paired one to one"""
    paired_recall: float | None = None
    paired_precision: float | None = None
    overlap_mean: float | None = None
    """intersection over union, over all pairs"""
    pairs: tuple[Pair, ...] = ()
    true_strokes: int = 0
    """of true stretches that list their strokes"""
    found_strokes: int = 0
    """of events that match such a stretch"""
    stroke_hits: int = 0
    stroke_recall: float | None = None
    stroke_precision: float | None = None
    timing_errors_seconds: tuple[float, ...] = field(default=(), repr=False)
    """of each hit whose true peak is stated, in order of time"""
    metrics: tuple[MetricValue, ...] = field(default=(), compare=False)
    """all of `core/judge/metrics`, also of enabled plugins"""


@dataclass(frozen=True, slots=True)
class VideoScore:
    """The score of one video of several."""

    video: str
    score: Score


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of each video the truth names, and of all together."""

    all: Score
    videos: tuple[VideoScore, ...]
    without_source: tuple[str, ...]
    """videos of the truth that the scan has no results of; they count nowhere"""
    without_truth: tuple[str, ...]
    """sources of the scan that the truth does not name; they count nowhere"""
