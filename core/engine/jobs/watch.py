"""A watched folder as a job: whatever becomes complete in it is submitted as scans.

It continues until a user ends it; an engine that starts again continues it, unless a command
waits for it (`attended`). One scan at a time:
files that become complete meanwhile go into the next. A scan that a full disk interrupted is
resumed once there is space.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Self

from ...config.profiles import resolve
from ...errors import DiskFull, NothingToScan, SightlineError, UnknownName, UsageError
from ...pipeline.channel import Cancelled
from ...protocol.commands import SubmitScan, WatchFolder
from ...protocol.messages import LeftOut, Warned
from ...protocol.passed_over import PassedOver
from ...protocol.state import WatchState
from ...sources.appearing import Appearing
from ...storage.jobs import JobRow
from ...text import clean_path
from ..job import Job, JobContext

log = logging.getLogger("sightline.watch")
POLL_SECONDS = 0.2
"""how often it is checked whether the scan before has ended, and whether the job was paused"""
LEAST_SETTLING, MOST_SETTLING = 0.2, 3600.0
RETRY_SECONDS = 5.0
"""how often a folder that is gone, on a disk that was unplugged, and a scan that a full disk
interrupted are tried again"""


class Watch(Job):
    """One watched folder. Its work runs on an event loop of its own, in the job's thread."""

    kind = "watch"
    standing = True
    unit = "scan"

    def __init__(self, context: JobContext, number: int, command: WatchFolder) -> None:
        super().__init__(context, number, command.folder)
        self._command = command
        self._scans = 0
        self._left_out = PassedOver()
        self._trouble = ""
        self._was_ended = False
        self._appearing: Appearing | None = None
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._following: asyncio.Task[None] | None = None

    @classmethod
    def submit(cls, context: JobContext, command: Any) -> Self:
        """Watch a folder, or watch it with other settings. Raises UsageError or ProfileError."""
        folder = os.path.abspath(command.folder)
        if not os.path.isdir(folder):
            raise UsageError(f"{clean_path(folder)} is not a folder; name an existing one")
        if not LEAST_SETTLING <= float(command.settle_seconds) <= MOST_SETTLING:
            raise UsageError(
                f"the settling time must be {LEAST_SETTLING:g} to {MOST_SETTLING:g} seconds"
            )
        resolve(command.profile, command.overrides)
        plan = {**asdict(command), "folder": folder}
        _end_former(context, folder)
        number = context.library.jobs.create(cls.kind, folder, plan)
        context.library.jobs.settle_earlier(context.library.jobs.get(number))
        return cls(context, number, WatchFolder(**plan))

    @classmethod
    def resume(cls, context: JobContext, row: JobRow, *, failed: bool) -> Self:
        """Watch a folder again. Raises UsageError if its plan was written by another version."""
        try:
            command = WatchFolder(**row.plan)
        except TypeError as error:
            raise UsageError(
                f"job {row.number}: its plan was written by another "
                f"version ({error}); watch it again"
            ) from error
        _end_former(context, command.folder)
        context.library.jobs.set_state(row.number, "running")
        return cls(context, row.number, replace(command, mode="new"))

    @classmethod
    def continues_by_itself(cls, row: JobRow) -> bool:
        """Return whether no command waits for it."""
        return not row.plan.get("attended", False)

    def run(self) -> None:
        """Watch until ended."""
        asyncio.run(self._run())
        if self.control.cancelled:
            raise Cancelled

    @property
    def is_complete(self) -> bool:
        """Return whether a user ended it; if the engine ended, the next one continues."""
        return self._was_ended

    def cancel(self) -> None:
        """Stop watching the folder; the scan it submitted last continues."""
        self._was_ended = True
        self.suspend()

    def suspend(self) -> None:
        """Stop watching."""
        self.control.cancel()
        loop, stop = self._loop, self._stop
        if loop is None or stop is None:
            return  # it checks the control when it begins
        try:
            loop.call_soon_threadsafe(stop.set)
        except RuntimeError:
            log.debug("the watch of %s has ended already", clean_path(self.title))

    def end_after_unit(self) -> None:
        """Stop watching; the next engine continues."""
        self.suspend()

    def progress(self) -> tuple[int, int]:
        """Return how many scans it submitted."""
        return self._scans, 0

    def trouble(self) -> str:
        """Return why nothing can be watched there now."""
        return self._trouble

    def view(self, word: str) -> WatchState | None:
        """Return its state; None once a user ended it."""
        if self.control.cancelled:
            return None
        found = self._appearing
        growing = len(found.settling) if found is not None else 0
        left_out = found.passed_over.words() if found is not None else ""
        return WatchState(
            self._command.folder, self._command.profile, growing, self._scans, self._trouble,
            left_out,
        )  # fmt: skip

    async def _run(self) -> None:
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if self.control.cancelled:
            return
        command = self._command
        self._appearing = Appearing(
            command.folder, command.settle_seconds, self._stop, command.follow_links
        )
        while not self._stop.is_set():
            try:
                async for paths in self._appearing.whole():
                    await self._found(self._appearing, paths)
            except SightlineError as error:
                self._is_in_trouble(str(error))
                await self._stopped_within(RETRY_SECONDS)
        if self._following is not None:
            await self._following

    async def _found(self, appearing: Appearing, paths: list[str]) -> None:
        """Submit a scan of files that are complete, once the one before has ended."""
        if self._following is not None:
            await self._following
        while self.control.paused and not await self._stopped_within(POLL_SECONDS):
            pass
        self._trouble = ""
        self._say_left_out(appearing.passed_over)
        if not paths:
            self._idle("no files yet")
            return
        if self.control.cancelled:
            return  # the next watch finds them again
        command = self._command
        asked = SubmitScan(
            tuple(paths), command.profile, command.overrides, mode=command.mode,
            follow_links=command.follow_links, watch=self.number,
        )  # fmt: skip
        try:
            scan = await asyncio.to_thread(self._context.submit, asked)
        except NothingToScan as nothing:
            self._idle(str(nothing))
            return
        except SightlineError:
            appearing.settling.give_back(paths)
            raise
        self._scans += 1
        self._following = asyncio.ensure_future(self._follow(scan))

    async def _follow(self, scan: int) -> None:
        """Wait for the end of a scan; one that a full disk interrupted is resumed until it ends."""
        while not self.control.cancelled:
            end = self._context.ended(scan)
            if end is None:
                await self._stopped_within(POLL_SECONDS)
            elif end.fault != DiskFull.__name__:
                log.info("watch: scan %d %s", scan, end.state)
                self._is_in_trouble(end.reason)
                return
            elif not await self._resumed(scan, end.reason):
                return

    async def _resumed(self, scan: int, reason: str) -> bool:
        """Resume a scan after a while; return whether to follow it further."""
        self._is_in_trouble(f"{reason}; scan {scan} continues once space is free")
        if await self._stopped_within(RETRY_SECONDS):
            return False
        try:
            await asyncio.to_thread(self._context.resume, scan)
        except UsageError:  # another client resumed it, or removed it
            return self._context.ended(scan) is None
        except SightlineError as error:  # there is no space yet
            log.info("watch: scan %d cannot continue: %s", scan, error)
        return True

    def _idle(self, reason: str) -> None:
        log.info("watch: %s", reason)
        self._report({"type": "WatchIdle", "reason": reason})

    def _say_left_out(self, found: PassedOver) -> None:
        """Say what lies in the folder and is not read, once for each change of it."""
        if found != self._left_out:
            self._left_out = found
            self._context.emit(LeftOut(self.number, **asdict(found)))

    def _is_in_trouble(self, reason: str) -> None:
        if reason and reason != self._trouble:
            self._context.emit(Warned(self.number, f"watching {clean_path(self.title)}: {reason}"))
        self._trouble = reason

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait; return whether it was stopped meanwhile."""
        assert self._stop is not None
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True


def _end_former(context: JobContext, folder: str) -> None:
    """End a watch of the same folder: this one takes its place."""
    former = context.find(Watch.kind, folder)
    if former is not None:
        with suppress(UnknownName):  # it ended just now
            context.cancel(former)
