"""Folders the engine watches: whatever becomes whole in one is put into the queue.

A watch is a standing order: it is kept in the library until somebody ends it, and an engine that
starts again goes on with it. One scan at a time: what becomes whole meanwhile goes into the next.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from .commands import EndWatch, SubmitScan, WatchFolder
from .errors import NothingToScan, SightlineError, UnknownName, UsageError
from .profiles import resolve
from .sources.appearing import Appearing
from .state import WatchState
from .storage.watched import Watched
from .text import clean_path

log = logging.getLogger("sightline.watch")
LOOK_SECONDS = 0.2
"""how often it is looked whether the scan before is done"""
LEAST_SETTLING, MOST_SETTLING = 0.2, 3600.0
AGAIN_SECONDS = 5.0
"""a folder that is gone, on a disk that was pulled out, is looked for so often"""
Submit = Callable[[SubmitScan], Awaitable[int]]


class Watches:
    """All watches of one engine. Used from its event loop only."""

    def __init__(
        self, kept: Watched, submit: Submit, running: Callable[[int], bool],
        told: Callable[[str], None],
    ) -> None:  # fmt: skip
        """`told` hears what goes wrong."""
        self._kept = kept
        self._submit = submit
        self._running = running
        self._told = told
        self._watches: dict[str, _Watch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        """of all that still run, also of those that were ended just now"""

    def start(self, command: WatchFolder) -> None:
        """Watch a folder, or watch it with other settings. Raises UsageError or ProfileError."""
        folder = os.path.abspath(command.folder)
        if not os.path.isdir(folder):
            raise UsageError(f"{clean_path(folder)} is no folder; name one that is there")
        if not LEAST_SETTLING <= float(command.settle_seconds) <= MOST_SETTLING:
            raise UsageError(f"a file settles for {LEAST_SETTLING:g} to {MOST_SETTLING:g} seconds")
        resolve(command.profile, command.overrides)
        self._kept.keep(folder, asdict(command))
        self._begin(folder, command)

    def end(self, command: EndWatch) -> None:
        """End a watch; the scan it asked for last goes on. Raises UnknownName."""
        folder = os.path.abspath(command.folder)
        if folder not in self._watches:
            raise UnknownName(f"{clean_path(folder)} is not watched")
        self._kept.forget(folder)
        self._watches.pop(folder).stop.set()

    def go_on(self) -> None:
        """Go on with what an engine before this one watched."""
        for folder, body in self._kept.all().items():
            try:
                command = WatchFolder(**body)
            except TypeError as error:  # of another version
                self._told(f"watching {clean_path(folder)}: not understood any more ({error})")
                continue
            self._begin(folder, command)

    def states(self) -> tuple[WatchState, ...]:
        """Return how each stands."""
        return tuple(watch.state() for watch in self._watches.values())

    async def close(self) -> None:
        """Stop watching; the library remembers what was watched."""
        for watch in self._watches.values():
            watch.stop.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, folder: str, command: WatchFolder) -> None:
        former = self._watches.pop(folder, None)
        if former is not None:
            former.stop.set()
        watch = _Watch(folder, command, self._submit, self._running, self._told)
        self._watches[folder] = watch
        self._tasks.add(watch.task)
        watch.task.add_done_callback(self._tasks.discard)


class _Watch:
    """One folder."""

    def __init__(
        self, folder: str, command: WatchFolder, submit: Submit, running: Callable[[int], bool],
        told: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.stop = asyncio.Event()
        self._folder = folder
        self._command = command
        self._submit = submit
        self._running = running
        self._told = told
        self._appearing = Appearing(folder, command.settle_seconds, self.stop, command.follow_links)
        self._scans = 0
        self._scan = 0
        self._trouble = ""
        self.task = asyncio.ensure_future(self._run())

    def state(self) -> WatchState:
        """Return how it stands."""
        return WatchState(
            self._folder, self._command.profile, len(self._appearing.settling), self._scans,
            self._trouble, self._appearing.passed_over.words(),
        )  # fmt: skip

    async def _run(self) -> None:
        while not self.stop.is_set():
            try:
                async for paths in self._appearing.whole():
                    await self._scanned(paths)
                    self._trouble = ""
            except SightlineError as error:
                self._is_in_trouble(str(error))
                await _unless(self.stop, AGAIN_SECONDS)
            except Exception as error:
                log.exception("watching %s ended by a defect", clean_path(self._folder))
                self._is_in_trouble(f"internal error: {type(error).__name__}: {error}")
                return

    async def _scanned(self, paths: list[str]) -> None:
        while self._scan and self._running(self._scan):
            if await _unless(self.stop, LOOK_SECONDS):
                break
        if not paths or self.stop.is_set():
            return  # they are found again by whoever watches next
        command = self._command
        asked = SubmitScan(tuple(paths), command.profile, command.overrides, mode="new")
        try:
            self._scan = await self._submit(asked)
        except NothingToScan as nothing:
            log.info("watch: %s", nothing)
            return
        except SightlineError:
            self._appearing.settling.give_back(paths)
            raise
        self._scans += 1

    def _is_in_trouble(self, reason: str) -> None:
        if reason != self._trouble:
            self._told(f"watching {clean_path(self._folder)}: {reason}")
        self._trouble = reason


async def _unless(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; return whether it was stopped meanwhile."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
