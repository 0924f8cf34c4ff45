"""Series of measurements: what screening stages measured of each frame of a source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..config.spec import canonical, tagged_hash_of_text

_OF_PICTURE = "/"


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """What a series holds: the measurements of one stage, with some settings, of one content."""

    key: str
    content: str
    stage: str
    version: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeriesState:
    """How far a series is measured. `ended` says how reading ended, once it is complete."""

    key: str
    frames: int
    complete: bool
    ended: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """One microbatch of one series, or a complete series read back.

    `indices` int64, `pts_seconds` float64, `values` float32 (frames, columns); `first` is the
    ordinal of its first frame among those that were measured; `mark` is the CRC-32 of the luma of
    its last frame.
    """

    first: int
    indices: NDArray[np.int64]
    pts_seconds: NDArray[np.float64]
    values: NDArray[np.float32]
    mark: int = 0


def series_key(content: str, stage: str, version: int, settings: dict[str, Any]) -> str:
    """Return the identity of a series: of what, by which stage, with which settings."""
    return SeriesKeys(stage, version, settings).of(content)


class SeriesKeys:
    """The keys of the series of one stage, measured with the same settings, of many contents."""

    def __init__(self, stage: str, version: int, settings: dict[str, Any]) -> None:
        self._rest = canonical([stage, version, settings])[1:]

    def of(self, content: str) -> str:
        """Return the key of a content's series: the hash of all four, in one list."""
        return tagged_hash_of_text("track", f"[{canonical(content)},{self._rest}")


def picture_key(content: str, key: str) -> str:
    """Return the identity of a picture's series: stores find those by content, then by key."""
    return f"{content}{_OF_PICTURE}{key}"


def content_and_key(identity: str) -> tuple[str, str]:
    """Return the content in the identity of a picture's series (else empty), and the key."""
    content, _, key = identity.rpartition(_OF_PICTURE)
    return content, key


class SeriesStore(Protocol):
    """Where series are kept. Each call is atomic: all of it is kept, or nothing."""

    def state(self, key: str) -> SeriesState:
        """Return how far a series is; one never started is at frame 0."""

    def begin(self, headers: Iterable[SeriesHeader]) -> None:
        """Add empty series; one that is there stays as it is."""

    def append(self, parts: Mapping[str, SeriesPart]) -> None:
        """Keep one microbatch of several series, by key."""

    def complete(self, keys: Sequence[str], ended: dict[str, Any]) -> None:
        """Mark series as covering the entire source."""

    def keep_whole(self, series: Iterable[tuple[SeriesHeader, SeriesPart]]) -> None:
        """Keep complete series of images, replacing earlier ones."""

    def part_holding(self, key: str, ordinal: int) -> SeriesPart | None:
        """Return the microbatch that holds the frame of an ordinal."""

    def whole(self, key: str, columns: int) -> SeriesPart:
        """Return all of a series in one piece; `columns` is the width of one without frames."""

    def rename(self, keys: Mapping[str, str]) -> None:
        """Give series new keys; what was kept under those is removed."""

    def forget(self, keys: Sequence[str]) -> None:
        """Remove series with all they hold, so that they are measured again."""
