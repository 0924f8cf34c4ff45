"""What handlers work with: a library, and the engine that writes it where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import UnknownName, UsageError
from ..protocol.commands import CancelScan, EndScan
from .reading import Records

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.machine_monitor import MachineMonitor
    from ..protocol.state import EngineState
    from ..reports.exporting import Exports
    from ..reports.searching import Searches
    from ..reports.still_readers import StillReaders
    from ..storage.library import Library

T = TypeVar("T")
HOLD_SECONDS = 2.5
"""how long releasing watched folders may take: one may lie on a disk that does not answer"""
CHECK_SECONDS = 0.05


class Context:
    """One for each library that is served. `has_ended` is set once a `StopEngine` is carried out.

    `in_threads` keeps the loop free while a request reads the library; without it, a signal ends
    whatever is read.
    """

    def __init__(
        self, folder: Path, engine: Engine | None = None, *, in_threads: bool = True
    ) -> None:
        self.folder = folder
        self.monitor: MachineMonitor | None = None
        self.is_ending = False
        self.has_ended = asyncio.Event()
        self._engine = engine
        self._in_threads = in_threads
        self._library: Library | None = None
        self._exports: Exports | None = None
        self._still_readers: StillReaders | None = None
        self._searches: Searches | None = None

    @property
    def engine(self) -> Engine:
        """Return the engine. Raises UsageError where requests are answered without one."""
        if self._engine is None:
            raise UsageError("this needs an engine; the library is open read-only")
        return self._engine

    @property
    def has_engine(self) -> bool:
        """Return whether there is an engine."""
        return self._engine is not None

    @property
    def library(self) -> Library:
        """Return the library through a connection for reading, which holds up no scan.

        Raises UnknownName if there is none, EnvironmentFault.
        """
        if self._library is None:
            from ..storage.library import Library

            self._library = Library(self.folder, writable=False)
        return self._library

    @property
    def records(self) -> Records:
        """Return what reads that library. Raises what `library` does."""
        return Records(self.library)

    @property
    def exports(self) -> Exports:
        """Return the exports that continue when the client that started them leaves."""
        if self._exports is None:
            from ..reports.exporting import Exports

            self._exports = Exports(self.folder)
        return self._exports

    @property
    def still_readers(self) -> StillReaders:
        """Return the readers of pictures, which stay open for a while."""
        if self._still_readers is None:
            from ..reports.still_readers import StillReaders

            self._still_readers = StillReaders()
        return self._still_readers

    @property
    def searches(self) -> Searches:
        """Return what searches the library, with the models and the index of the engine if any."""
        if self._searches is None:
            from ..reports.searching import Searches

            engine = self._engine
            if engine is None:
                from ..search.read_index import ReadIndex

                self._searches = Searches(self.library, ReadIndex(self.library))
            else:
                self._searches = Searches(
                    self.library, engine.search_index(), engine.owner_of_models
                )
        return self._searches

    @property
    def is_exporting(self) -> bool:
        """Return whether results are being written as files."""
        return self._exports is not None and self._exports.running

    def state(self) -> EngineState:
        """Return the current state of the engine; without an engine, an empty state."""
        from ..protocol.state import EngineState

        if self._engine is None:
            return EngineState(0, str(self.folder))
        return self._engine.snapshot()

    async def call(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return what a function returns that may take a while."""
        if not self._in_threads:
            return work(*arguments)
        return await asyncio.to_thread(work, *arguments)

    async def end(self, how: str) -> None:
        """Stop `now`, after the current microbatch, or `after_source`; then nothing runs."""
        engine, self.is_ending = self.engine, True
        with suppress(TimeoutError):
            await asyncio.wait_for(engine.hold_watches(), HOLD_SECONDS)
        for job in engine.snapshot().jobs:
            if job.standing:
                continue  # the next engine continues it
            at_once = how == "now" or job.state == "queued"
            with suppress(UnknownName):  # it ended just now
                await engine.send((CancelScan if at_once else EndScan)(job.number))
        while working(engine.snapshot()):
            await asyncio.sleep(CHECK_SECONDS)
        self.has_ended.set()

    async def close(self) -> None:
        """End exports, readers of pictures and searches, and close the library."""
        if self._exports is not None:
            await asyncio.to_thread(self._exports.close)
        if self._still_readers is not None:
            await asyncio.to_thread(self._still_readers.close)
        if self._searches is not None:
            await asyncio.to_thread(self._searches.close)
        if self._library is not None:
            self._library.close()


def working(state: EngineState) -> bool:
    """Return whether a job runs or waits that ends by itself after the current step.

    What waits for a network may not.
    """
    return any(job.resource for job in state.jobs)
