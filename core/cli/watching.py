"""Watching a folder: wait until files are whole, then scan them."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import events
from ..attach import headless
from ..client import EngineClient, Records, check_formats, files_under, is_known_kind
from ..commands import CancelScan, SubmitScan
from ..errors import EnvironmentFault, ExitCode, NothingToScan
from ..logs import log_to
from ..text import clean_path
from .options import DEFAULT_FORMATS
from .output import Session
from .running import Printer, exit_code, stop_signals

log = logging.getLogger("sightline.watch")


@dataclass
class Settling:
    """Files that changed lately, with their size, time and when they were last seen to change."""

    settle_seconds: float
    _seen: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    _given: dict[str, tuple[int, int]] = field(default_factory=dict)

    def touch(self, path: str) -> None:
        """Note that something happened to a file."""
        self._note(path, time.monotonic())

    def there(self, path: str) -> None:
        """Note a file that was there before; it has been the same since it was last written."""
        status = _status(path)
        if self._given.get(path) == status:
            return
        age = max(time.time() - status[1] / 1e9, 0.0) if status else 0.0
        self._note(path, time.monotonic() - age)

    def _note(self, path: str, since: float) -> None:
        status = _status(path)
        if status is None:
            self._seen.pop(path, None)
        else:
            self._seen[path] = (*status, since)

    def whole(self) -> list[str]:
        """Return files that stayed the same long enough, each once; start others over."""
        ready = []
        now = time.monotonic()
        for path, (size, mtime_ns, since) in list(self._seen.items()):
            status = _status(path)
            if status is None:
                del self._seen[path]
            elif status != (size, mtime_ns):
                self._seen[path] = (*status, now)
            elif now - since >= self.settle_seconds and size:
                ready.append(path)
                self._given[path] = status
                del self._seen[path]
        return ready

    def __len__(self) -> int:
        return len(self._seen)


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
    client = await headless(session.library)
    watch = _Watch(session, client, request, out, formats, as_json, stop)
    try:
        async for paths in _appearing(watch, folder, settle, stop):
            await watch.scan(tuple(paths))
    finally:
        await client.close()
    session.out.note(f"stopped watching: {watch.scans} scans, {watch.failed} sources failed")
    return watch.code or int(ExitCode.SOME_FAILED if watch.failed else ExitCode.OK)


class _Watch:
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
        self.scans = self.failed = 0
        self.code = 0

    async def scan(self, paths: tuple[str, ...]) -> None:
        """Scan paths to the end, or until asked to stop."""
        if self._stop.is_set():
            return
        try:
            if not self.scans:
                self._next_event = (await self._client.snapshot()).sequence
            scan = await self._client.send(replace(self._request, paths=paths))
        except NothingToScan as nothing:
            self.idle(str(nothing))
            return
        self.scans += 1
        end = await self._follow(scan)
        self.failed += end.failed
        if end.state != "done":
            self.code = exit_code(end, self._session.out)
            self._stop.set()
            return
        if self._out is not None:
            formats = self._formats or DEFAULT_FORMATS
            records = Records.open(self._session.library)
            try:
                records.export(scan, formats, self._out / f"scan-{scan}")
            finally:
                records.close()
        self.idle(f"scan {scan} {end.state}, {end.moments} events")

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
        await self._client.send(CancelScan(scan))

    def idle(self, text: str) -> None:
        """Say what came of it and that the watching goes on."""
        log.info("watch: %s", text)
        if not self._stop.is_set():
            self._session.out.note(f"{text}; watching (Ctrl+C stops)")


async def _appearing(
    watch: _Watch, folder: Path, settle: float, stop: asyncio.Event
) -> AsyncIterator[list[str]]:
    """Yield lists of files that are whole now: first those there already, then new ones."""
    settling = Settling(settle)
    top = os.path.abspath(folder)
    async for changes in _changes(top, settle, stop):
        if changes is None:
            _look_again(settling, top)
            if not settling and not watch.scans:
                watch.idle("nothing there yet")
        for path in changes or ():
            _note_change(settling, path, top)
        ready = settling.whole()
        if ready:
            log.info("watch: whole now: %s", [clean_path(path) for path in ready])
            yield ready
        if not os.path.isdir(top):
            raise EnvironmentFault(f"{clean_path(top)}: the watched folder is gone")


async def _changes(top: str, settle: float, stop: asyncio.Event) -> AsyncIterator[list[str] | None]:
    """Yield changed paths as they come, and None each time a watcher has begun to note them.

    Whoever looks at the folder on None misses nothing that came before.
    """
    from watchfiles import awatch

    step = int(min(settle, 1.0) * 500)
    while not stop.is_set():
        noting = False
        try:
            async for changes in awatch(
                top, stop_event=stop, rust_timeout=step, yield_on_timeout=True, recursive=True
            ):
                if not noting:
                    noting = True
                    yield None
                yield [path for _, path in changes]
        except Exception as error:  # a name that is no UTF-8 ends the watcher, with its own errors
            log.warning("watch: started anew after %r", error)
            await asyncio.sleep(min(settle, 1.0))


def _look_again(settling: Settling, top: str) -> None:
    """Note every file that lies in the folder; those scanned already are known and cost nothing."""
    for path in files_under(top):
        settling.there(path)


def _note_change(settling: Settling, path: str, top: str) -> None:
    if _hidden(path, top):
        return
    if os.path.isdir(path):  # a folder moved in comes as one change, with all it holds
        for inside in files_under(path):
            settling.touch(inside)
    elif is_known_kind(path):
        settling.touch(path)


def _hidden(path: str, top: str) -> bool:
    return any(part.startswith(".") for part in os.path.relpath(path, top).split(os.sep))


def _status(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
