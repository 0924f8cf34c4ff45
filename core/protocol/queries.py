"""Lists that are too long for one reply, requested in pages. Frozen records, JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .replies import Page
from .request import Request

What = Literal["events", "candidates", "frames"]
Sort = Literal["source", "time", "score", "energy", "kind"]
ModelSort = Literal["catalog", "name", "kind", "here", "disk", "memory"]


ROWS_OF_A_PAGE = 100
MOST_ROWS = 5000
"""so many rows can be asked for at once"""


@dataclass(frozen=True, slots=True)
class RowsRequest(Request[Page]):
    """Rows `first` to `last` - 1 of a list."""

    first: int = field(default=0, kw_only=True)
    last: int = field(default=ROWS_OF_A_PAGE, kw_only=True)


@dataclass(frozen=True, slots=True)
class ListScans(RowsRequest, right="read", heavy=True):
    """Every scan, the newest first."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class ListTasks(RowsRequest, right="read", heavy=True):
    """Sources: of running and queued scans first, then of the others, the newest first."""

    scan: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ListQueue(RowsRequest, right="read", heavy=True):
    """Scans in the order of `ListTasks`, each a row with its sources below it, and other jobs.

    A scan that runs or waits, one with sources left to scan, and with `text` any with sources that
    have its words, is listed with them; another is its own row alone. `unfolded` and `folded` are
    the numbers of scans of which it is otherwise. The row of a scan has the number -1.
    """

    text: str = ""
    unfolded: tuple[int, ...] = ()
    folded: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ListResults(RowsRequest, right="read", heavy=True):
    """What was found in the sources of a scan (None for the newest): events, every candidate, or
    the frames that went to models.

    `text` is a filter: words that must all be somewhere in the row, and conditions such as
    `score>0.5`, `kind:flash`, `date:2024-06`, `-tag:indoor`; see docs/filters.md. `cut_offs` are
    the least score of events and candidates of a kind; those below it are left out.
    """

    what: What = "events"
    scan: int | None = None
    text: str = ""
    sort: Sort = "source"
    descending: bool = False
    cut_offs: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ListModels(RowsRequest, right="read", heavy=True):
    """Models of the catalog and whatever else lies in the cache, with what each took in memory."""

    text: str = ""
    sort: ModelSort = "catalog"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ListMatrix(RowsRequest, right="read", heavy=True):
    """Which commits of models were verified, with what, how and when."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class ListLogLines(RowsRequest, right="read", heavy=True):
    """The engine's log, the oldest line first; `level` is the least that is shown."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    text: str = ""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """Results of a scan (None for the newest) as files, narrowed as by `ListResults.text`.

    `clips` and `pictures` are folders for a clip, or a picture of the peak, of each event; empty
    for none.
    """

    scan: int | None = None
    text: str = ""
    formats: tuple[str, ...] = ()
    folder: str = ""
    clips: str = ""
    pictures: str = ""


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What is compared with the truth, and how strictly.

    `kinds` are the true kinds that should be found (empty: all), `events` the kinds of events that
    are judged; `any_video` scores a lone source against a truth about another video.
    """

    truth: Path
    kinds: tuple[str, ...] = ()
    events: tuple[str, ...] = ("flash",)
    tolerance_seconds: float = 0.1
    stroke_tolerance_seconds: float = 0.05
    any_video: bool = False


Query = ListScans | ListTasks | ListQueue | ListResults | ListModels | ListMatrix | ListLogLines
