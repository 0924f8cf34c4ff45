"""Work on the index of vectors as a job: what is stored is indexed, rebuilt, pruned, switched.

Its units are vectors. What a kill leaves undone is found again in the library, so a resumed job
continues where it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...errors import UnknownName, UsageError
from ...protocol.commands import ChangeIndex
from ...protocol.messages import Warned
from ...storage.index_state import SpaceRow
from ...storage.jobs import JobRow
from ...text import clean
from ..job import DEVICES, Job, JobContext

if TYPE_CHECKING:
    from ...search.indexing import Counts, Indexer

NEEDS_NAME = ("switch", "remove")


class Index(Job):
    """One change of the index."""

    kind = "index"
    resource = DEVICES
    unit = "vector"

    def __init__(self, context: JobContext, number: int, title: str, command: ChangeIndex) -> None:
        super().__init__(context, number, title)
        self._command = command
        self._done = self._total = 0
        self._complete = False

    @classmethod
    def submit(cls, context: JobContext, command: Any) -> Self:
        """Keep what is to be done. Raises UnknownName, UsageError."""
        space = _named(context, command)
        if command.action == "import":
            from ...search.transfer import read_index

            read_index(Path(command.paths[0]))  # what is wrong with it is said at once
        title = f"{command.action} {space.name}" if space else command.action
        number = context.library.jobs.create(cls.kind, title, asdict(command))
        return cls(context, number, title, command)

    @classmethod
    def resume(cls, context: JobContext, row: JobRow, *, failed: bool) -> Self:
        """Continue with it. Raises UsageError for a plan of another version."""
        try:
            command = ChangeIndex(**row.plan)
        except TypeError as error:
            raise UsageError(
                f"job {row.number}: its plan is of another version ({error}); start it again"
            ) from error
        _named(context, command)
        return cls(context, row.number, row.title, command)

    def run(self) -> None:
        """Do it, and report what was done."""
        self._announce(self._total)
        space = _named(self._context, self._command)
        if self._command.action == "update":
            from .scan_indexing import add_backgrounds

            add_backgrounds(self._context, self._note, self.control.checkpoint)
        with self._context.index().indexer(self._note) as indexer:
            counts = self._actions()[self._command.action](indexer, space)
        self._complete = True
        self._report({"type": "Indexed", "action": self._command.action, **asdict(counts)})

    @property
    def is_complete(self) -> bool:
        """Return whether nothing is left to do."""
        return self._complete

    def progress(self) -> tuple[int, int]:
        """Return how many vectors are indexed, and of how many."""
        return self._done, self._total

    def _actions(self) -> dict[str, Callable[[Indexer, SpaceRow | None], Counts]]:
        return {
            "update": self._update,
            "rebuild": self._rebuild,
            "prune": self._prune,
            "switch": self._switch,
            "remove": self._remove,
            "import": self._import,
        }

    def _update(self, indexer: Indexer, _space: SpaceRow | None) -> Counts:
        return indexer.update(self.control.checkpoint, self._progressed, thorough=True)

    def _rebuild(self, indexer: Indexer, space: SpaceRow | None) -> Counts:
        """Rebuild once: after a kill, what is left is only to be added."""
        jobs, library = self._context.library.jobs, self._context.library
        begun = jobs.rows(self.number)
        every = [each for each in library.index.spaces() if each.state != "removed"]
        for each in [space] if space else every:
            if each.id not in begun:
                indexer.rebuild(each)
                jobs.keep_row(self.number, each.id, {"type": "Emptied", "index": each.name})
        return indexer.update(self.control.checkpoint, self._progressed)

    def _prune(self, indexer: Indexer, _space: SpaceRow | None) -> Counts:
        library, under = self._context.library, self._command.paths
        gone: list[str] = []
        there: list[str] = []
        for content, facts in library.index_facts.of(_contents(self._context)).items():
            paths = [path for path, _ in facts.paths]
            if not _is_under(paths, under):
                continue
            (there if any(map(os.path.lexists, paths)) else gone).append(content)
        known = set(library.index.gone())
        counts = indexer.prune(gone, [each for each in there if each in known])
        added = indexer.update(self.control.checkpoint, self._progressed, thorough=True)
        added.removed += counts.removed
        return added

    def _switch(self, _indexer: Indexer, space: SpaceRow | None) -> Counts:
        assert space is not None
        if space.state == "removed":
            raise UsageError(
                f"the index {space.name} was removed; `sightline index rebuild {space.name}` "
                "makes it again"
            )
        self._context.library.index.switch(space.id)
        return _nothing()

    def _remove(self, indexer: Indexer, space: SpaceRow | None) -> Counts:
        assert space is not None
        points = self._context.library.index.count(space.id)
        indexer.remove(space)
        counts = _nothing()
        counts.removed = points
        return counts

    def _import(self, indexer: Indexer, _space: SpaceRow | None) -> Counts:
        from ...search.transfer import import_index, read_index

        found = read_index(Path(self._command.paths[0]))
        import_index(self._context.library, found, self.control.checkpoint)
        return indexer.update(self.control.checkpoint, self._progressed)

    def _progressed(self, done: int, total: int) -> None:
        self._done, self._total = done, total

    def _note(self, text: str) -> None:
        self._context.emit(Warned(self.number, text))


def _nothing() -> Counts:
    from ...search.indexing import Counts

    return Counts()


def _named(context: JobContext, command: ChangeIndex) -> SpaceRow | None:
    """Return the collection that a command names, if it does. Raises UnknownName, UsageError."""
    if command.name:
        return context.library.index.space(command.name)
    if command.action == "import" and len(command.paths) != 1:
        raise UsageError("name the one file to import")
    if command.action in NEEDS_NAME:
        names = ", ".join(each.name for each in context.library.index.spaces())
        raise UsageError(f"name an index: {clean(names)}" if names else "there is no index yet")
    if command.action == "rebuild" and not context.library.index.spaces():
        if context.library.index.count_pending():
            return None  # vectors of scans that were never indexed
        raise UnknownName("no vectors in this library; `sightline index PATH` makes them")
    return None


def _contents(context: JobContext) -> list[str]:
    """Return all contents that are indexed, or were until their files were gone."""
    state = context.library.index
    return sorted({*state.digests(), *state.gone()})


def _is_under(paths: list[str], folders: tuple[str, ...]) -> bool:
    """Return whether a path of a content lies under one of some folders, or none is named."""
    return not folders or any(
        path == folder or path.startswith(folder.rstrip("/") + "/")
        for path in paths
        for folder in folders
    )
