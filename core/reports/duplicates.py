"""Pictures of a scan that look alike: the groups, and which pictures are in one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..scans.stored_spec import spec_of
from ..screening.dedupe import Dedupe, DedupeStage, joined
from ..screening.near_hashes import alike
from ..storage.conditions import Condition
from ..storage.library import Library
from ..storage.runs import FINISHED, TaskRow

MOST_LISTED = 10
"""paths in a row of a list; a time-lapse may be one group of thousands"""


@dataclass(frozen=True)
class DuplicateGroups:
    """The groups of a scan, each with its pictures in the order of the scan's sources."""

    groups: tuple[tuple[TaskRow, ...], ...]

    @cached_property
    def tasks(self) -> dict[int, tuple[TaskRow, ...]]:
        """Return the group of each picture that is in one, by the number of its task."""
        return {task.number: group for group in self.groups for task in group}

    def of_path(self, path: str) -> tuple[str, ...]:
        """Return the paths of the pictures that look like the one at a path."""
        found = (each.number for group in self.groups for each in group if each.path == path)
        return self.others(next(found, 0))

    def others(self, task: int) -> tuple[str, ...]:
        """Return the paths of the pictures that look like one, itself left out."""
        return tuple(each.path for each in self.tasks.get(task, ()) if each.number != task)


_KEPT: WeakKeyDictionary[Library, tuple[object, DuplicateGroups]] = WeakKeyDictionary()


def duplicate_groups(
    library: Library, scan: int, tasks: Sequence[TaskRow]
) -> Iterator[tuple[TaskRow, ...]]:
    """Yield groups of two or more pictures that look alike; none without the stage `dedupe`."""
    row = library.runs.get(scan)
    if DedupeStage.name not in row.spec.get("stages", ()):
        return  # also where no stage of the scan is installed
    spec = spec_of(library, scan)
    pictures = [
        task
        for task in tasks
        if task.kind == "picture" and task.content is not None and task.state in FINISHED
    ]
    contents = [str(task.content) for task in pictures]
    values = library.series.first_rows(contents, row.spec_hash, DedupeStage.name)
    measured = [task for task in pictures if task.content in values]
    rows = np.array([values[str(task.content)] for task in measured], np.float32)
    hashes = joined(rows.reshape(-1, len(DedupeStage.columns)))
    for group in alike(hashes, spec.settings(Dedupe).distance_bits):
        yield tuple(measured[n] for n in group)


def groups_of(library: Library, scan: int) -> DuplicateGroups:
    """Return the groups of a scan; those asked for last are kept until the library changes."""
    state = scan, *_state(library)
    kept = _KEPT.get(library)
    if kept is not None and kept[0] == state:
        return kept[1]
    found = DuplicateGroups(tuple(duplicate_groups(library, scan, library.runs.tasks(scan))))
    _KEPT[library] = state, found
    return found


def resolved(library: Library, scan: int, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Return conditions with `is:duplicate` as the numbers of the pictures that are in a group."""
    return tuple(
        replace(each, name="task", values=(_numbers(library, scan),))
        if each.name == "is" and "duplicate" in each.values
        else each
        for each in conditions
    )


def with_duplicates(library: Library, scan: int, rows: list[dict[str, Any]]) -> None:
    """Add to rows of results which pictures look like theirs, once the scan has ended.

    Before, each batch that is kept would change the groups.
    """
    over = library.runs.get(scan).state != "running"
    groups = groups_of(library, scan) if over and rows else DuplicateGroups(())
    for row in rows:
        others = groups.others(row["task"])
        row |= {"duplicates": list(others[:MOST_LISTED]), "duplicate_count": len(others)}


def _numbers(library: Library, scan: int) -> str:
    return json.dumps(sorted(groups_of(library, scan).tasks))


def _state(library: Library) -> tuple[int, int]:
    """Return what differs once this process or another one has written."""
    with library.database.reading() as connection:
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        return int(version), connection.total_changes
