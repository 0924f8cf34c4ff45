"""What a person looks at to judge an event: curves, where in a video the others are, scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ..queries import ListResults
from ..request import Request, Streamed

FRAMES_OF_A_PART = 1000
MOST_BINS = 4096
FILES_OF_A_PART = 500
MOST_FILES = 20_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SeriesRows:
    """What one stage measured of some frames: all that was asked for, or a part of the reply.

    `scores` is empty for a stage whose frames have none; a candidate's peak exceeds `threshold`.
    `values` has a tuple for each of `columns`. What was not measured of a frame is None.
    """

    scan: int
    stage: str
    threshold: float | None
    columns: tuple[str, ...]
    frames: tuple[int, ...]
    seconds: tuple[float, ...]
    scores: tuple[float | None, ...]
    values: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class GetSeries(Streamed[SeriesRows, SeriesRows], right="read", heavy=True):
    """What a stage measured of frames `first` to `last` - 1 of a content, read from what is kept.

    As `scan` measured and scores it; None for the newest one over the content.
    """

    content: str
    stage: str
    first: int
    last: int
    scan: int | None = None

    @classmethod
    def gathered(cls, parts: Sequence[SeriesRows]) -> SeriesRows:
        """Return all frames."""
        return replace(
            parts[0],
            frames=_joined([part.frames for part in parts]),
            seconds=_joined([part.seconds for part in parts]),
            scores=_joined([part.scores for part in parts]),
            values=tuple(
                _joined([part.values[n] for part in parts]) for n in range(len(parts[0].columns))
            ),
        )


@dataclass(frozen=True, slots=True)
class KindDensity:
    """Events and rejected candidates of one kind in each part of a video, by their peaks.

    `scores` are those of the best events there, 0 where there is none.
    """

    kind: str
    events: tuple[int, ...]
    scores: tuple[float, ...]
    rejected: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Density:
    """Where in a video its events and candidates are; all its parts are equally long."""

    scan: int
    seconds: float
    """from the beginning to the end of all parts"""
    kinds: tuple[KindDensity, ...]


@dataclass(frozen=True, slots=True)
class GetDensity(Request[Density], right="read", heavy=True):
    """Where in a content its events and candidates are, in so many equal parts of its length.

    As `scan` found them; None for the newest one over the content.
    """

    content: str
    bins: int = 100
    scan: int | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many events of a scan have which score, and what was said of them.

    Part n of `bins` holds the scores from n / bins on and below (n + 1) / bins; what lies outside
    of 0 to 1 is counted in the first or the last. From a cut-off of n / bins on there are
    `sum(events[n:])`.
    """

    scan: int
    kind: str
    bins: int
    events: tuple[int, ...]
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    unsure: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GetHistogram(Request[Histogram], right="read", heavy=True):
    """How many events of a scan have which score; of one kind, or of all where it is empty."""

    scan: int
    kind: str = ""
    bins: int = 100


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measured ratio of 0 to 1: below `floor` it rules a find out, from `enough` on it does not
    count. `reason` is that of a candidate which it ruled out.
    """

    name: str
    floor: float
    enough: float
    reason: str


@dataclass(frozen=True, slots=True)
class Ratios:
    """By which ratios a stage decides; those of a candidate's facts that are measured together."""

    groups: tuple[tuple[Ratio, ...], ...]


@dataclass(frozen=True, slots=True)
class GetRatios(Request[Ratios], right="read"):
    """By which ratios a stage decides; none for most stages."""

    stage: str


@dataclass(frozen=True, slots=True)
class FileRows:
    """How many rows of a list one source of a scan has, and how many of them are judged."""

    task: int
    path: str
    content: str
    rows: int
    judged: int


@dataclass(frozen=True, slots=True)
class Files:
    """The sources that have rows in a list, in its order: all, or a part of a streamed reply.

    `files` is empty where there are more than `MOST_FILES`.
    """

    scan: int
    files: tuple[FileRows, ...]


@dataclass(frozen=True, slots=True)
class GetFiles(Streamed[Files, Files], right="read", heavy=True):
    """Which sources have how many rows in a list that is in the order of sources."""

    listed: ListResults

    @classmethod
    def gathered(cls, parts: Sequence[Files]) -> Files:
        """Return all sources."""
        return Files(parts[0].scan, _joined([part.files for part in parts]))


def _joined(parts: Sequence[tuple[_T, ...]]) -> tuple[_T, ...]:
    return tuple(value for part in parts for value in part)
