"""What a front may ask for in pages: lists too long to send whole. JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from .codec import from_json, to_json, wire_name

What = Literal["events", "candidates", "frames"]
Sort = Literal["source", "time", "score", "energy", "kind"]
ModelSort = Literal["catalog", "name", "kind", "here", "disk", "memory"]


@dataclass(frozen=True, slots=True)
class ListScans:
    """Every scan, the newest first."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class ListTasks:
    """Sources: of the scans at work and waiting first, then of the others, the newest first."""

    scan: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ListResults:
    """What was found in the sources of a scan (None for the newest): events, every candidate, or
    the frames models looked at.

    `text` holds words that must all be somewhere in the row, and conditions such as `score>0.5`,
    `energy>100`, `strokes>1`, `time<00:01:30`, `kind:flash`, `file:cam1`, `is:marked`,
    `is:rejected`.
    """

    what: What = "events"
    scan: int | None = None
    text: str = ""
    sort: Sort = "source"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ListModels:
    """Models of the catalog and whatever else lies in the cache, with what each took in memory."""

    text: str = ""
    sort: ModelSort = "catalog"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ListMatrix:
    """Which commits of models were verified, with what, how and when."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class ListLogLines:
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


Query = ListScans | ListTasks | ListResults | ListModels | ListMatrix | ListLogLines
QUERIES: dict[str, type[Query]] = {wire_name(each): each for each in get_args(Query)}


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `first` .. of `total`, each a JSON object."""

    total: int
    first: int
    rows: tuple[dict[str, Any], ...]


def query_to_json(query: Query | ExportRequest) -> dict[str, Any]:
    """Return a query, or a request for an export, as a JSON object."""
    return to_json(query)


def query_from_json(body: dict[str, Any]) -> Query:
    """Return the query of a JSON object. Raises KeyError or TypeError for anything unknown."""
    return from_json(body, QUERIES)


def export_from_json(body: dict[str, Any]) -> ExportRequest:
    """Return the request of a JSON object. Raises KeyError or TypeError for anything unknown."""
    return from_json(body, {"ExportRequest": ExportRequest})
