"""Running one scan headless: follow and print its events, stop it cleanly, export at the end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ExitCode, LibraryGone, NothingLeft, UnknownName
from ..protocol import messages as events
from ..protocol.commands import CancelScan, ResumeScan, SubmitScan
from ..protocol.passed_over import PassedOver
from ..service.attach import Ready, headless
from ..service.client import EngineClient, LibraryClient, check_formats, folders_to_write
from ..service.engine_log import log_to
from ..text import clean_path, counted
from ..times import duration, reference, timecode
from .options import DEFAULT_FORMATS
from .output import ConsoleOutput, Session

if TYPE_CHECKING:
    from ..protocol.state import EngineState

STOPPING = "stopping after the current microbatch (repeat to stop immediately) ..."


@dataclass(frozen=True, slots=True)
class Finish:
    """What is written once a scan has ended."""

    out: Path | None = None
    formats: tuple[str, ...] = ()
    clips: Path | None = None
    pictures: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """Return the folders written to."""
        return [each for each in (self.out, self.clips, self.pictures) if each is not None]


async def run_scan(
    session: Session,
    command: SubmitScan | ResumeScan,
    finish: Finish,
    *,
    as_json: bool = False,
    reader: Ready | None = None,
) -> int:
    """Run a scan to its end, or until interrupted, and return the exit code.

    `reader` is what `attach.reader_for` started.
    """
    if finish.formats and finish.out is None:
        from ..errors import UsageError

        raise UsageError("--format needs --out DIR to write to")
    check_formats(finish.formats)
    log_to(session.library)
    client = await headless(session.library, reader)
    try:
        with folders_to_write(finish.folders):
            end = await _ran(client, session, command, as_json)
    except NothingLeft as nothing:
        if finish == Finish() or not isinstance(command, ResumeScan) or command.failed:
            raise
        session.out.note(str(nothing))  # a kill may have come while its results were written
        lost = await _write(session.library, command.scan, finish, session.out)
        return lost or await _some_failed(session.library, command.scan)
    finally:
        await client.close()
    code = exit_code(end, session.out)
    if end.fault == LibraryGone.__name__:
        return code
    lost = await _write(session.library, end.scan, finish, session.out)
    return code or lost


async def _some_failed(library: Path, scan: int) -> int:
    from ..protocol.requests.results import GetTasks

    client = LibraryClient(library)
    try:
        kept = await client.ask(GetTasks(scan))
    finally:
        await client.close()
    failed = any(task.state == "failed" for task in kept.tasks)
    return int(ExitCode.SOME_FAILED if failed else ExitCode.OK)


async def _ran(
    client: EngineClient, session: Session, command: SubmitScan | ResumeScan, as_json: bool
) -> events.ScanFinished:
    """Run a scan, printing its events, and return how it ended. Raises SightlineError."""
    stopper = Stopper(client, session.out)
    with stopper.listening():
        before = await client.snapshot()
        say_warnings(before, session.out)
        scan = await client.send(command)
        _collect_from_now()
        stopper.started(scan)
        return await _follow(client, scan, before.sequence, session.out, as_json)


def _collect_from_now() -> None:
    """Look for garbage again, among what is made from now on, where `scan.command` did not."""
    if gc.isenabled():
        return
    if not gc.get_freeze_count():
        gc.freeze()
    gc.enable()


async def _follow(
    client: EngineClient, scan: int, since: int, out: ConsoleOutput, as_json: bool
) -> events.ScanFinished:
    printer = Printer(out, as_json)
    async for _, event in client.events(since):
        if event.scan != scan:
            continue
        printer.print(event)
        if isinstance(event, events.ScanFinished):
            return event
    raise AssertionError("events never end before the scan does")


def say_warnings(state: EngineState, out: ConsoleOutput) -> None:
    """Say what the user should know of the library."""
    for text in state.warnings:
        out.warn(text)


def say_left_out(found: PassedOver, out: ConsoleOutput) -> None:
    """Say what lies in the folders of a scan and is not read."""
    said = found.lines()
    if found.links:
        out.warn(said.pop(0))  # what lies behind a link may have been meant
    for line in said:
        out.note(f"left out: {line}")


@dataclass
class _Folder:
    """What came of one folder so far."""

    path: str
    sources: int = 0
    moments: int = 0
    failed: int = 0


class Printer:
    """Turns events into lines."""

    def __init__(self, out: ConsoleOutput, as_json: bool) -> None:
        self._out = out
        self._json = as_json
        self._began = time.monotonic()
        self._sources = self._finished = self._moments = 0
        self._totals: dict[int, tuple[str, int | None]] = {}
        self._folder = _Folder("")

    def print(self, event: events.Message) -> None:
        """Print one event."""
        if self._json:
            self._out.json(events.event_to_json(event))
        match event:
            case events.ScanStarted():
                self._sources = event.sources
                sources = counted(event.sources, "source")
                # A file whose name is new may still prove to be known by its content.
                self._out.note(f"scan {event.scan}: {sources}, {event.known} known so far")
            case events.TaskStarted():
                self._totals[event.number] = (event.path, event.frames)
            case events.BatchDone():
                self._batch(event)
            case events.EventFound():
                self._moment(event)
            case events.TaskFinished():
                self._task(event)
            case events.Warned():
                self._out.warn(event.text)
            case events.LeftOut():
                found = PassedOver(event.links, event.folders, event.kinds, event.reasons)
                say_left_out(found, self._out)
            case events.ScanFinished():
                self._end(event)

    def _batch(self, event: events.BatchDone) -> None:
        path, total = self._totals.get(event.number, ("pictures", self._sources))
        rate = event.frames_per_second
        # Models run on a video after it was screened: the number of frames is unknown before.
        known = total is not None and event.frames <= total
        read = f"{100 * event.frames / (total or 1):.0f}%"
        share = read if known else counted(event.frames, "frame")
        left = f"left {duration(((total or 0) - event.frames) / rate)}  " if known and rate else ""
        text = (
            f"{self._finished}/{self._sources}  {clean_path(os.path.basename(path), limit=40)}  "
            f"{share}  {rate:.{0 if rate >= 10 else 1}f}/s  {left}{counted(self._moments, 'event')}"
        )
        if self._out.verbose:
            self._out.note(text)
        else:
            self._out.progress(text)

    def _moment(self, event: events.EventFound) -> None:
        self._moments += 1
        if self._json:
            return
        frames = counted(event.end_frame - event.start_frame + 1, "frame")
        strokes = f", {counted(len(event.strokes), 'stroke')}" if event.strokes else ""
        where = f"{event.path}@{timecode(event.peak_seconds)}"
        self._out.result(
            f"{where}  {event.kind}  score {event.score:g}  {frames}{strokes}  "
            f"{reference(event.peak_frame, event.scan, event.stream)}"
        )

    def _task(self, event: events.TaskFinished) -> None:
        self._finished += 1
        self._in_folder(event)
        if event.state == "failed":
            self._out.failed(event.path, event.reason)
        elif self._out.verbose:
            frames = counted(event.frames, "frame")
            self._out.note(f"{event.state}: {clean_path(event.path)}  {frames}")

    def _in_folder(self, event: events.TaskFinished) -> None:
        """Sum up each folder; sources come folder by folder, so the next one ends the last."""
        path = os.path.dirname(event.path)
        if path != self._folder.path:
            self._end_folder()
            self._folder = _Folder(path)
        self._folder.sources += 1
        self._folder.moments += event.moments
        self._folder.failed += event.state == "failed"

    def _end_folder(self) -> None:
        folder = self._folder
        if self._out.verbose and folder.sources:
            self._out.note(
                f"folder {clean_path(folder.path)}: {counted(folder.sources, 'source')}, "
                f"{counted(folder.moments, 'event')}, {folder.failed} failed"
            )

    def _end(self, event: events.ScanFinished) -> None:
        self._end_folder()
        self._out.end_progress()
        self._out.note(
            f"scan {event.scan} {event.state}: {event.done} read, {event.known} known, "
            f"{event.failed} failed, {counted(event.moments, 'event')}, {duration(event.seconds)}"
        )


class Stopper:
    """The first signal stops a job cleanly, even one still being planned; a second ends it all."""

    def __init__(self, client: EngineClient, out: ConsoleOutput, words: str = STOPPING) -> None:
        self._client = client
        self._out = out
        self._words = words
        self._scan: int | None = None
        self._asked = False
        self._tasks: set[asyncio.Task[int]] = set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle signals inside this block."""
        loop = asyncio.get_running_loop()
        names = stop_signals()
        for name in names:
            loop.add_signal_handler(name, self._stop)
        try:
            yield
        finally:
            for name in names:
                loop.remove_signal_handler(name)

    def started(self, scan: int) -> None:
        """Say which scan is to be stopped."""
        self._scan = scan
        if self._asked:
            self._cancel(scan)

    def _stop(self) -> None:
        if self._asked:
            os._exit(int(ExitCode.INTERRUPTED))
        self._asked = True
        self._out.note(self._words)
        if self._scan is not None:
            self._cancel(self._scan)

    def _cancel(self, scan: int) -> None:
        self._tasks.add(asyncio.ensure_future(self._client.send(CancelScan(scan))))


def stop_signals() -> list[signal.Signals]:
    """Return the signals that stop a scan, less those the caller wants ignored (as nohup does)."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [name for name in names if signal.getsignal(name) is not signal.SIG_IGN]


async def _write(library: Path, scan: int, finish: Finish, out: ConsoleOutput) -> int:
    if finish == Finish():
        return 0
    from ..protocol.queries import ExportRequest
    from .writing import write_files

    folders = (finish.out, finish.clips, finish.pictures)
    out_folder, clips, pictures = (str(each) if each else "" for each in folders)
    formats = finish.formats or DEFAULT_FORMATS
    request = ExportRequest(scan, "", formats, out_folder, clips, pictures)
    try:
        return await write_files(library, request, out)
    except UnknownName as error:
        raise LibraryGone(f"{clean_path(str(library))} no longer exists") from error


def exit_code(end: events.ScanFinished, out: ConsoleOutput) -> int:
    """Say what remains to be done after a scan and return the exit code."""
    if end.reason.startswith("internal error"):
        out.warn(end.reason)
        return int(ExitCode.INTERNAL)
    if end.reason:
        then = f" (then: sightline runs resume {end.scan})"
        out.warn(end.reason + ("" if end.fault == LibraryGone.__name__ else then))
        return int(ExitCode.ENVIRONMENT)
    if end.state == "interrupted":
        out.note(f"continue with: sightline runs resume {end.scan}")
        return int(ExitCode.INTERRUPTED)
    return int(ExitCode.SOME_FAILED if end.failed else ExitCode.OK)
