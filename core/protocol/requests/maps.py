"""A map of what a library holds: vectors laid out in a plane, in named groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..request import Streamed

POINTS_OF_A_PART = 5000
Layout = Literal["pca", "tsne"]
LAYOUTS: tuple[Layout, ...] = ("pca", "tsne")


@dataclass(frozen=True, slots=True)
class MapGroup:
    """A group of points: `words` are what distinguishes it, x and y its middle."""

    number: int
    words: tuple[str, ...]
    points: int
    x: float
    y: float
    example: int
    """the point nearest to the middle of the group, as a place in the list of points"""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A frame with a vector; x and y are between 0 and 1, y upwards."""

    path: str
    frame: int
    seconds: float
    group: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class MapSummary:
    """What a map was made of.

    `model` names the embedding space, `files` are those with a vector in it, `without` those
    without; `explained` is the share of the variance that the two directions of `pca` show.
    """

    model: str
    layout: Layout
    files: int
    without: int
    points: int
    explained: float = 0.0


@dataclass(frozen=True, slots=True)
class MapPart:
    """Some points; the last part has the groups and the summary."""

    points: tuple[MapPoint, ...] = ()
    groups: tuple[MapGroup, ...] = ()
    summary: MapSummary | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """All points, and the groups they are in, the largest first."""

    points: tuple[MapPoint, ...]
    groups: tuple[MapGroup, ...]
    summary: MapSummary


@dataclass(frozen=True, slots=True)
class GetMap(Streamed[MapPart, Map], right="read", heavy=True):
    """The map of files in folders, of a scan, or of all of the library.

    Only vectors of one embedding space can be compared: that whose model or commit contains
    `model`, of several the one that most files have. `groups` is their number, 0 for a number that
    follows from that of the points.
    """

    paths: tuple[str, ...] = ()
    scan: int | None = None
    model: str = ""
    groups: int = 0
    layout: Layout = "pca"

    @classmethod
    def gathered(cls, parts: Sequence[MapPart]) -> Map:
        """Return the complete map."""
        points = tuple(point for part in parts for point in part.points)
        last = parts[-1]
        summary = last.summary or MapSummary("", "pca", 0, 0, 0)
        return Map(points, last.groups, replace(summary, points=len(points)))
