"""Watching a folder headless: scan files as they become whole, and print what comes of it.

A full disk ends it only if it is stopped meanwhile: what could not be written is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from ..errors import DiskFull, ExitCode, NothingToScan, UnknownName
from ..protocol import messages as events
from ..protocol.commands import CancelScan, Command, ResumeScan, SubmitScan
from ..protocol.passed_over import PassedOver
from ..protocol.queries import ExportRequest
from ..protocol.requests.exports import ExportResults
from ..service.attach import headless
from ..service.client import (
    EngineClient,
    LibraryClient,
    appearing,
    check_formats,
    folders_to_write,
)
from ..service.engine_log import log_to
from ..text import counted
from .options import DEFAULT_FORMATS
from .output import Session
from .running import Printer, exit_code, say_left_out, say_warnings, stop_signals

log = logging.getLogger("sightline.watch")
ROOM_SECONDS = 5.0
"""a full disk is tried again so often"""


async def watch_folder(
    session: Session, request: SubmitScan, folder: Path, settle: float,
    out: Path | None, formats: tuple[str, ...], *, as_json: bool,
) -> int:  # fmt: skip
    """Scan what is there, then whatever appears, until interrupted; return the exit code."""
    check_formats(formats)
    log_to(session.library)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in stop_signals():
        loop.add_signal_handler(name, stop.set)
    with folders_to_write([out] if out else []):
        client = await headless(session.library)
        say_warnings(await client.snapshot(), session.out)
    watch = _WatchPrinter(session, client, request, out, formats, as_json, stop)
    try:
        there = appearing(str(folder), settle, stop, follow_links=request.follow_links)
        async for paths in there.whole():
            watch.say_left_out(there.passed_over)
            if paths:
                await watch.scan(tuple(paths))
            elif not watch.scans:
                watch.idle("nothing there yet")
    finally:
        await client.close()
    session.out.note(
        f"stopped watching: {counted(watch.scans, 'scan')}, "
        f"{counted(watch.failed, 'source')} failed"
    )
    return watch.code or int(ExitCode.SOME_FAILED if watch.failed else ExitCode.OK)


class _WatchPrinter:
    def __init__(
        self, session: Session, client: EngineClient, request: SubmitScan, out: Path | None,
        formats: tuple[str, ...], as_json: bool, stop: asyncio.Event,
    ) -> None:  # fmt: skip
        self._session = session
        self._client = client
        self._request = request
        self._out = out
        self._formats = formats
        self._json = as_json
        self._stop = stop
        self._next_event = 0
        self._left_out = PassedOver()
        self._is_full = False
        self.scans = self.failed = 0
        self.code = 0

    async def scan(self, paths: tuple[str, ...]) -> None:
        """Scan paths to the end, or until asked to stop."""
        if self._stop.is_set():
            return
        try:
            if not self.scans:
                self._next_event = (await self._client.snapshot()).sequence
            scan = await self._sent(replace(self._request, paths=paths))
        except NothingToScan as nothing:
            self.idle(str(nothing))
            return
        self.scans += 1
        end = await self._follow(scan)
        while end.fault == DiskFull.__name__ and await self._there_may_be_room(end.reason):
            await self._sent(ResumeScan(scan))
            end = await self._follow(scan)
        self.failed += end.failed
        if end.state != "done":
            self.code = exit_code(end, self._session.out)
            self._stop.set()
            return
        await self._once_there_is_room(lambda: self._export(scan))
        self.idle(f"scan {scan} {end.state}, {counted(end.moments, 'event')}")

    async def _sent(self, command: Command) -> int:
        """Send a command, again and again while the disk is full. Raises SightlineError."""
        while True:
            try:
                return await self._client.send(command)
            except DiskFull as full:
                if not await self._there_may_be_room(str(full)):
                    raise

    async def _once_there_is_room(self, write: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await write()
            except DiskFull as full:
                if not await self._there_may_be_room(str(full)):
                    raise

    async def _there_may_be_room(self, reason: str) -> bool:
        """Say that the disk is full, wait a while, and return whether to try again."""
        if not self._is_full:
            self._session.out.warn(f"{reason} (tried again every {ROOM_SECONDS:g} s)")
        self._is_full = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), ROOM_SECONDS)
        return not self._stop.is_set()

    async def _export(self, scan: int) -> None:
        self._is_full = False
        if self._out is None:
            return
        formats, folder = self._formats or DEFAULT_FORMATS, str(self._out / f"scan-{scan}")
        client = LibraryClient(self._session.library)
        try:
            await client.ask(ExportResults(ExportRequest(scan, formats=formats, folder=folder)))
        finally:
            await client.close()

    def say_left_out(self, found: PassedOver) -> None:
        """Say what lies in the folder and is not read, once for each change of it."""
        if found == self._left_out:
            return
        self._left_out = found
        if self._json:
            self._session.out.json(events.event_to_json(events.LeftOut(0, **asdict(found))))
        say_left_out(found, self._session.out)

    async def _follow(self, scan: int) -> events.ScanFinished:
        printer = Printer(self._session.out, self._json)
        stopper = asyncio.ensure_future(self._cancel_when_stopped(scan))
        try:
            async for number, event in self._client.events(self._next_event):
                self._next_event = number + 1
                if event.scan == scan:
                    printer.print(event)
                    if isinstance(event, events.ScanFinished):
                        return event
        finally:
            stopper.cancel()
        raise AssertionError("events never end before the scan does")

    async def _cancel_when_stopped(self, scan: int) -> None:
        await self._stop.wait()
        with suppress(UnknownName):  # it ended just now
            await self._client.send(CancelScan(scan))

    def idle(self, text: str) -> None:
        """Say what came of it and that the watching continues."""
        log.info("watch: %s", text)
        if not self._stop.is_set():
            self._session.out.note(f"{text}; watching (Ctrl+C stops)")
