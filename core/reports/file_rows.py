"""How many rows of a list each source has, and how many of them are judged."""

from __future__ import annotations

from dataclasses import replace

from ..errors import UsageError
from ..protocol.queries import ListResults
from ..protocol.requests.review import MOST_FILES, FileRows
from ..storage.conditions import Condition
from ..storage.library import Library
from ..storage.listings import RowSelection
from .pages import selection

_BATCH = 500


def file_rows(library: Library, query: ListResults) -> tuple[int, list[FileRows]]:
    """Return the scan and the sources of a list in its order; none where there are too many.

    Raises UsageError for a filter that is none or another order, UnknownName.
    """
    if query.sort != "source":
        raise UsageError("rows are together by source only in the order of sources")
    wanted = selection(library, query)
    if wanted is None:
        return 0, []
    counts = library.listings.keys(wanted).counts()
    if len(counts) > MOST_FILES:
        return wanted.scan, []
    judged = dict(library.listings.keys(_judged_of(wanted)).counts())
    sources = _sources(library, wanted.scan, [task for task, _ in counts])
    return wanted.scan, [
        FileRows(task, *sources[task], count, judged.get(task, 0))
        for task, count in counts
        if task in sources
    ]


def _judged_of(wanted: RowSelection) -> RowSelection:
    return replace(wanted, conditions=(*wanted.conditions, Condition("is", "=", ("judged",))))


def _sources(library: Library, scan: int, tasks: list[int]) -> dict[int, tuple[str, str]]:
    """Return task -> (path, content)."""
    found: dict[int, tuple[str, str]] = {}
    for start in range(0, len(tasks), _BATCH):
        part = library.listings.tasks(scan, tasks[start : start + _BATCH])
        found |= {task: (path, content) for task, (path, content, _) in part.items()}
    return found
