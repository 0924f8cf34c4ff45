"""Folders the engine watches: whatever becomes whole in one is put into the queue.

A watch is a standing order: it is kept in the library until somebody ends it, and an engine that
starts again goes on with it. One scan at a time: what becomes whole meanwhile goes into the next.
A scan that a full disk interrupted is resumed once there is room.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from ..config.profiles import resolve
from ..errors import DiskFull, NothingToScan, SightlineError, UnknownName, UsageError
from ..protocol.commands import EndWatch, ResumeScan, SubmitScan, WatchFolder
from ..protocol.state import WatchState
from ..scans.task_results import Ended
from ..sources.appearing import Appearing
from ..storage.watched import Watched
from ..text import clean_path

log = logging.getLogger("sightline.watch")
LOOK_SECONDS = 0.2
"""how often it is looked whether the scan before is done"""
LEAST_SETTLING, MOST_SETTLING = 0.2, 3600.0
AGAIN_SECONDS = 5.0
"""a folder that is gone, on a disk that was pulled out, is looked for so often; and so often a scan
that a full disk interrupted is tried again"""
Send = Callable[[SubmitScan | ResumeScan], Awaitable[int]]


class WatchedFolders:
    """All watches of one engine. Used from its event loop only."""

    def __init__(
        self, kept: Watched, send: Send, ended: Callable[[int], Ended | None],
        notify: Callable[[str], None],
    ) -> None:  # fmt: skip
        """`notify` hears what goes wrong."""
        self._kept = kept
        self._send = send
        self._ended = ended
        self._notify = notify
        self._watches: dict[str, _WatchedFolder] = {}
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
                self._notify(f"watching {clean_path(folder)}: not understood any more ({error})")
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
        watch = _WatchedFolder(folder, command, self._send, self._ended, self._notify)
        self._watches[folder] = watch
        self._tasks.add(watch.task)
        watch.task.add_done_callback(self._tasks.discard)


class _WatchedFolder:
    """One folder."""

    def __init__(
        self, folder: str, command: WatchFolder, send: Send, ended: Callable[[int], Ended | None],
        notify: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.stop = asyncio.Event()
        self._folder = folder
        self._command = command
        self._send = send
        self._ended = ended
        self._notify = notify
        self._appearing = Appearing(folder, command.settle_seconds, self.stop, command.follow_links)
        self._scans = 0
        self._following: asyncio.Task[None] | None = None
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
            except SightlineError as error:
                self._is_in_trouble(str(error))
                await _unless(self.stop, AGAIN_SECONDS)
            except Exception as error:
                log.exception("watching %s ended by a defect", clean_path(self._folder))
                self._is_in_trouble(f"internal error: {type(error).__name__}: {error}")
                return
        if self._following is not None:
            await self._following

    async def _scanned(self, paths: list[str]) -> None:
        if self._following is not None:
            await self._following
        self._trouble = ""
        if not paths or self.stop.is_set():
            return  # they are found again by whoever watches next
        command = self._command
        asked = SubmitScan(tuple(paths), command.profile, command.overrides, mode="new")
        try:
            scan = await self._send(asked)
        except NothingToScan as nothing:
            log.info("watch: %s", nothing)
            return
        except SightlineError:
            self._appearing.settling.give_back(paths)
            raise
        self._scans += 1
        self._following = asyncio.ensure_future(self._follow(scan))

    async def _follow(self, scan: int) -> None:
        """Wait for the end of a scan; one that a full disk interrupted is resumed until it ends."""
        while not self.stop.is_set():
            end = self._ended(scan)
            if end is None:
                await _unless(self.stop, LOOK_SECONDS)
            elif end.fault != DiskFull.__name__:
                self._is_in_trouble(end.reason)
                return
            elif not await self._resumed(scan, end.reason):
                return

    async def _resumed(self, scan: int, reason: str) -> bool:
        """Resume a scan after a while; tell whether it is worth following on."""
        self._is_in_trouble(f"{reason}; scan {scan} goes on once there is room")
        if await _unless(self.stop, AGAIN_SECONDS):
            return False
        try:
            await self._send(ResumeScan(scan))
        except UsageError:  # somebody else resumed it, or removed it
            return self._ended(scan) is None
        except SightlineError as error:  # there is no room yet
            log.info("watch: scan %d cannot go on: %s", scan, error)
        return True

    def _is_in_trouble(self, reason: str) -> None:
        if reason and reason != self._trouble:
            self._notify(f"watching {clean_path(self._folder)}: {reason}")
        self._trouble = reason


async def _unless(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; return whether it was stopped meanwhile."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
