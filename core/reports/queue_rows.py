"""The queue as rows: jobs, and scans with or without their sources below them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from ..protocol.queries import ListQueue
from ..protocol.replies import Page
from ..storage.jobs import OPEN
from ..storage.library import Library
from ..storage.lock import is_held
from ..storage.runs import TaskRow
from ..storage.scan_sums import ListedScan, ScanSum
from .lists import state_of
from .pages import job_rows, task_row

SCAN_ROW = -1
"""the number of the row of a scan, where a source has its own and another job has 0"""
PARTS = 128
"""of a video's time; of the events in each, one is listed with the video"""


def queue_page(
    library: Library, query: ListQueue, first: int, last: int, active: Sequence[int]
) -> Page:
    """Return rows `first` to `last` - 1; `active` are the scans running and waiting, in order."""
    open_jobs, ended_jobs = job_rows(library, query.text, active)
    scans = _Scans(library, query, active)
    before, after = len(open_jobs), len(open_jobs) + scans.rows
    rows = open_jobs[first:last]
    rows += scans.page(max(first - before, 0), max(last - before, 0))
    rows += ended_jobs[max(first - after, 0) : max(last - after, 0)]
    return Page(after + len(ended_jobs), first, tuple(rows))


class _Scans:
    """Scans in order, and where each begins among the rows."""

    def __init__(self, library: Library, query: ListQueue, active: Sequence[int]) -> None:
        self._library = library
        self._query = query
        self._words = query.text.split()
        self._active = set(active)
        place = {number: at for at, number in enumerate(active)}
        found = library.scan_sums.listed(self._words)
        self._scans = sorted(found, key=lambda each: place.get(each.scan, len(place)))
        self._is_running = is_held(library.folder)
        lines = [1 + self._below(each) for each in self._scans]
        self.rows = sum(lines)
        self._tops = [0, *accumulate(lines)][: len(lines)]

    def _below(self, each: ListedScan) -> int:
        """Return how many sources are listed below a scan."""
        if not self._is_unfolded(each):
            return 0
        counted = each.sources
        return self._library.scan_sums.count(each.scan) if counted is None else counted

    def _is_unfolded(self, each: ListedScan) -> bool:
        if each.scan in self._query.folded:
            return False
        is_open = bool(self._words) or each.scan in self._active or each.state in OPEN
        return is_open or each.scan in self._query.unfolded

    def page(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return rows `first` to `last` - 1."""
        last = min(last, self.rows)
        if first >= last:
            return []
        low, high = bisect_right(self._tops, first) - 1, bisect_right(self._tops, last - 1)
        within = range(low, high)
        heads = [self._scans[at].scan for at in within if self._tops[at] >= first]
        sums = self._library.scan_sums.sums(heads)
        rows = []
        for at in within:
            each, top = self._scans[at], self._tops[at]
            if each.scan in sums:
                rows.append(self._scan_row(each, sums[each.scan]))
            rows += self._sources(each, max(first - top - 1, 0), last - top - 1)
        return rows

    def _sources(self, each: ListedScan, first: int, last: int) -> list[dict[str, Any]]:
        if last <= first or not self._is_unfolded(each):
            return []
        _, tasks = self._library.runs.task_page((), each.scan, self._words, first, last)
        return [task_row(task) | self._marks(task, each.spec_hash) for task in tasks]

    def _marks(self, task: TaskRow, spec_hash: str) -> dict[str, Any]:
        """Return where in a finished video its events are, as shares of its length, and kinds."""
        if task.content is None or not task.moments or task.kind != "video":
            return {}
        seconds = self._library.results.info(task.content, task.path).duration_seconds
        if not seconds:
            return {}
        return {"marks": self._library.scan_sums.marks(task.content, spec_hash, seconds, PARTS)}

    def _scan_row(self, each: ListedScan, sums: ScanSum) -> dict[str, Any]:
        state = state_of(each.state, sums.left, running=self._is_running)
        return {
            "scan": each.scan, "number": SCAN_ROW, "path": common_folder(sums), "kind": "scan",
            "state": state, "reason": sums.reason, "moments": sums.moments,
            "seconds": sums.seconds, "profile": each.profile, "sources": sums.sources,
            "done": sums.done, "failed": sums.failed, "folded": not self._is_unfolded(each),
        }  # fmt: skip


def common_folder(sums: ScanSum) -> str:
    """Return the folder that all sources of a scan lie in."""
    folders = [os.path.dirname(path) for path in (sums.first_path, sums.last_path)]
    return os.path.commonpath(folders)
