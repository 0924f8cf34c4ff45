"""What a scan needs from storage, together; a `Library` is one such set of stores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from ..stores.answers import InferenceStores
from ..stores.results import ResultStore
from ..stores.series import SeriesStore

if TYPE_CHECKING:
    from ..storage.runs import TaskRow


class ThumbnailStore(Protocol):
    """Where the thumbnails of events are kept; `pixels` as in `SourceInfo`."""

    def has(self, content: str, seconds: float, longest_side: int, pixels: str = "") -> bool:
        """Tell whether a thumbnail was made."""

    def put(
        self, content: str, seconds: float, longest_side: int, jpeg: bytes, pixels: str = ""
    ) -> None:
        """Keep a thumbnail."""


class TaskStore(Protocol):
    """Where it is kept how the sources of a scan ended."""

    def add_tasks(self, scan: int, tasks: Iterable[TaskRow]) -> None:
        """Keep how sources ended."""


class MeasurementStores(Protocol):
    """What screening keeps."""

    @property
    def results(self) -> ResultStore:
        """Return where probes and results are kept."""

    @property
    def series(self) -> SeriesStore:
        """Return where measurements are kept."""


class ScanStores(MeasurementStores, InferenceStores, Protocol):
    """What all of a scan keeps."""

    @property
    def thumbnails(self) -> ThumbnailStore:
        """Return where thumbnails are kept."""

    @property
    def runs(self) -> TaskStore:
        """Return where it is kept how sources ended."""
