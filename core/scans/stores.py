"""What a scan needs from storage, together; a `Library` is one such set of stores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from ..stores.answers import InferenceStores
from ..stores.rates import RateStore
from ..stores.results import MeasurementStores, ThumbnailStore

if TYPE_CHECKING:
    from ..storage.runs import TaskRow


class TaskStore(Protocol):
    """Where it is kept how the sources of a scan ended."""

    def add_tasks(self, scan: int, tasks: Iterable[TaskRow]) -> None:
        """Keep how sources ended."""


class ScanStores(MeasurementStores, InferenceStores, Protocol):
    """What all of a scan keeps."""

    @property
    def thumbnails(self) -> ThumbnailStore:
        """Return where thumbnails are kept."""

    @property
    def runs(self) -> TaskStore:
        """Return where it is kept how sources ended."""

    @property
    def rates(self) -> RateStore:
        """Return where it is kept how long work takes here."""
