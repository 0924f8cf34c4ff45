"""Watching a folder headless: follow the job that watches it, and print what comes of it.

The job is one of the running engine, or of one hosted here; this command ends it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from ..errors import DiskFull, ExitCode, UnknownName
from ..protocol import messages as events
from ..protocol.commands import CancelScan, WatchFolder
from ..protocol.passed_over import PassedOver
from ..protocol.queries import ExportRequest
from ..protocol.requests.exports import ExportResults
from ..service.attach import headless
from ..service.client import EngineClient, LibraryClient, check_formats, folders_to_write
from ..service.engine_log import log_to
from ..text import counted
from .jobs import exit_code_of
from .options import DEFAULT_FORMATS
from .output import Session
from .running import Printer, exit_code, say_left_out, say_warnings, stop_signals

RETRY_SECONDS = 5.0
"""an export that a full disk refused is tried again so often"""


async def watch_folder(
    session: Session, command: WatchFolder, out: Path | None, formats: tuple[str, ...], *,
    as_json: bool,
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
    watch = _Watching(session, client, out, formats, as_json, stop)
    try:
        await watch.run(command)
    finally:
        await client.close()
    session.out.note(
        f"stopped watching: {counted(watch.scans, 'scan')}, "
        f"{counted(watch.failed, 'source')} failed"
    )
    return watch.code or int(ExitCode.SOME_FAILED if watch.failed else ExitCode.OK)


class _Watching:
    """Follows the job and the scans it submits, until both have ended."""

    def __init__(
        self, session: Session, client: EngineClient, out: Path | None,
        formats: tuple[str, ...], as_json: bool, stop: asyncio.Event,
    ) -> None:  # fmt: skip
        self._session = session
        self._client = client
        self._out = out
        self._formats = formats
        self._json = as_json
        self._stop = stop
        self._number = 0
        self._has_ended = False
        self._open: dict[int, Printer] = {}
        """the scans it submitted that have not ended"""
        self.scans = self.failed = 0
        self.code = 0

    async def run(self, command: WatchFolder) -> None:
        """Submit the job and follow it to its end. Raises SightlineError."""
        before = await self._client.snapshot()
        say_warnings(before, self._session.out)
        self._number = await self._client.send(command)
        stopper = asyncio.ensure_future(self._cancel_when_stopped())
        try:
            await self._follow(before.sequence)
        finally:
            stopper.cancel()

    async def _follow(self, since: int) -> None:
        async for _, message in self._client.events(since):
            if message.scan == self._number:
                self._about_the_watch(message)
            else:
                await self._about_a_scan(message)
            if self._has_ended and not self._open:
                return

    def _about_the_watch(self, message: events.Message) -> None:
        out = self._session.out
        match message:
            case events.JobReported():
                self._idle(str(message.body["reason"]))
            case events.LeftOut():
                if self._json:
                    out.json(events.event_to_json(message))
                found = PassedOver(message.links, message.folders, message.kinds, message.reasons)
                say_left_out(found, out)
            case events.Warned():
                out.warn(message.text)
            case events.JobFinished():
                self._has_ended = True
                if message.reason:
                    out.warn(message.reason)
                    self.code = exit_code_of(message)

    async def _about_a_scan(self, message: events.Message) -> None:
        if isinstance(message, events.ScanStarted) and message.watch == self._number:
            self.scans += 1
            self._open[message.scan] = Printer(self._session.out, self._json)
            if self._stop.is_set():  # it was being planned
                await self._cancel(message.scan)
        printer = self._open.get(message.scan)
        if printer is None:
            return
        printer.print(message)
        if isinstance(message, events.ScanFinished):
            await self._ended(message)

    async def _ended(self, end: events.ScanFinished) -> None:
        """Export a scan that is done; the watch ends with one that is not."""
        if end.fault == DiskFull.__name__ and not self._stop.is_set():
            return  # the job resumes it
        del self._open[end.scan]
        self.failed += end.failed
        if end.state != "done":
            self.code = exit_code(end, self._session.out)
            self._stop.set()
            return
        await self._export(end.scan)
        self._idle(f"scan {end.scan} {end.state}, {counted(end.moments, 'event')}")

    async def _export(self, scan: int) -> None:
        """Write a scan's results, again and again while the disk is full. Raises DiskFull."""
        if self._out is None:
            return None
        formats, folder = self._formats or DEFAULT_FORMATS, str(self._out / f"scan-{scan}")
        request = ExportResults(ExportRequest(scan, formats=formats, folder=folder))
        warned = False
        while True:
            try:
                return await self._write(request)
            except DiskFull as full:
                if not warned:
                    self._session.out.warn(f"{full} (retrying every {RETRY_SECONDS:g} s)")
                warned = True
                if await self._stopped_within(RETRY_SECONDS):
                    raise

    async def _write(self, request: ExportResults) -> None:
        client = LibraryClient(self._session.library)
        try:
            await client.ask(request)
        finally:
            await client.close()

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        return self._stop.is_set()

    async def _cancel_when_stopped(self) -> None:
        """End the job first, so that it submits no more."""
        await self._stop.wait()
        for number in (self._number, *self._open):
            await self._cancel(number)

    async def _cancel(self, number: int) -> None:
        with suppress(UnknownName):  # it ended just now
            await self._client.send(CancelScan(number))

    def _idle(self, text: str) -> None:
        """Say what came of it and that the watching continues."""
        if not self._stop.is_set() and not self._has_ended:
            self._session.out.note(f"{text}; watching (Ctrl+C stops)")
