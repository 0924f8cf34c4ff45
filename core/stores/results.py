"""Results: what a spec found in a content, and what is known about contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..records import Candidate, Event, SourceInfo
from .series import SeriesStore


@dataclass(frozen=True, slots=True)
class Result:
    """What a spec found in a content. `failure` is empty for a source read to its end."""

    content: str
    spec_hash: str
    frames: int
    failure: str
    warnings: tuple[str, ...]
    provenance: dict[str, Any]
    tracks: Mapping[str, str]
    """keys of its series, by stage"""
    candidates: tuple[Candidate, ...]
    moments: tuple[Event, ...]
    annotations: tuple[int, ...] = ()
    """numbers of the annotations it is made of"""

    def measured_by(self, versions: Mapping[str, int], timing: int) -> bool:
        """Return whether it was measured as today: by these versions of the stages, so timed.

        `timing` is that of the source, as a probe finds it now (see `SourceInfo`).
        """
        measured: dict[str, int] = self.provenance.get("stages", {})
        by_these = all(versions.get(name, known) == known for name, known in measured.items())
        return by_these and int(self.provenance.get("timing", 0)) == timing


class ResultStore(Protocol):
    """Where probes and results are kept, by content. Each call is atomic."""

    def remember(self, probes: Iterable[tuple[SourceInfo, int]]) -> None:
        """Keep what probes found, with the files' modification times in nanoseconds."""

    def remember_failures(self, failures: Iterable[tuple[str, int, int, str]]) -> None:
        """Keep why files could not be read: (path, size, mtime_ns, reason)."""

    def info(self, content: str, path: str) -> SourceInfo:
        """Return what the probe of a content found, under the path it has now."""

    def forget_if_shown_otherwise(self, info: SourceInfo, spec_hash: str) -> None:
        """Remove the result over a video whose pixels were converted in another way then."""

    def keep(self, results: Iterable[Result]) -> None:
        """Keep results with their candidates and events, replacing earlier ones."""

    def get(self, content: str, spec_hash: str) -> Result | None:
        """Return the result of a spec over a content, if there is one."""

    def failure(self, content: str | None, spec_hash: str) -> str:
        """Return why a result counts as failed, or an empty string."""


class MeasurementStores(Protocol):
    """What screening keeps."""

    @property
    def results(self) -> ResultStore:
        """Return where probes and results are kept."""

    @property
    def series(self) -> SeriesStore:
        """Return where measurements are kept."""


class ThumbnailStore(Protocol):
    """Where the thumbnails of events are kept; `pixels` as in `SourceInfo`."""

    def has(self, content: str, seconds: float, longest_side: int, pixels: str = "") -> bool:
        """Return whether a thumbnail was made."""

    def put(
        self, content: str, seconds: float, longest_side: int, jpeg: bytes, pixels: str = ""
    ) -> None:
        """Keep a thumbnail."""
