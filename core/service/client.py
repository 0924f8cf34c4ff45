"""What every front talks to: one engine, here in this process.

`snapshot`, `events` and `send` are the engine's live side; the rest reads the library. A client
opened for reading only needs no engine and works beside one that is running.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..config.user_settings import log_file
from ..errors import EngineBusy, EngineGone, UsageError
from ..protocol.commands import Command, SubmitScan
from ..times import WrittenTime

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..protocol.messages import Message
    from ..protocol.queries import ExportRequest, Page, Query, ScoreRequest
    from ..protocol.state import EngineState, MachineState
    from ..protocol.views import (
        ExportProgress,
        ExportState,
        InstantView,
        JobLine,
        ModelMemory,
        Piece,
        PlanView,
        RederivedSource,
        ScanLine,
        TaskView,
    )
    from ..reports.exporting import Exports
    from ..reports.scoring import Scored
    from ..sources.appearing import Appearing
    from ..sources.process import ReaderProcess
    from ..storage.library import Library


METER_SECONDS = 0.5
"""over so long the use of CPU and GPU is measured where no engine does it all the time"""


class EngineClient(Protocol):
    """The live side of an engine, wherever it runs."""

    async def snapshot(self) -> EngineState:
        """Return what everything looks like now."""

    def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield numbered events from `since` on, for ever."""

    async def send(self, command: Command) -> int:
        """Carry out a command and return the scan it is about. Raises SightlineError."""

    async def rows(self, query: Query, first: int, last: int) -> Page:
        """Return rows `first` to `last` - 1 of a list. Raises SightlineError."""

    async def instant(self, path: str, seconds: float) -> dict[str, Any]:
        """Return everything kept about one instant of a source, as JSON. Raises SightlineError."""

    async def still(self, path: str, seconds: float, longest_side: int) -> bytes:
        """Return a JPEG of an instant. Raises SourceError."""

    async def export_rows(self, query: Query, format_: str, path: Path) -> int:
        """Write all rows of a list to a file (`jsonl` or `csv`) and return how many."""

    async def begin_export(self, request: ExportRequest) -> int:
        """Start writing results as files; return the export's number. Raises SightlineError."""

    async def export_state(self, number: int) -> ExportState:
        """Return how an export stands. Raises UsageError for one there is none of."""

    async def close(self) -> None:
        """Let go of the engine."""


class LocalClient:
    """An engine hosted in this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._library: Library | None = None
        self._exports: Exports | None = None

    @classmethod
    async def open(
        cls, folder: Path, nice: int = 0, reader: ReaderProcess | None = None
    ) -> LocalClient:
        """Start an engine over a library. Raises EnvironmentFault.

        `nice` is how its decoders stand back for others; `reader` is one that runs already.
        """
        from ..engine.engine import open_engine

        return cls(open_engine(folder, nice, reader))

    @property
    def library(self) -> Library:
        """Return the library the engine writes."""
        return self._engine.library

    async def snapshot(self) -> EngineState:
        """Return what everything looks like now."""
        return self._engine.snapshot()

    def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield numbered events from `since` on, for ever."""
        return self._engine.events(since)

    async def send(self, command: Command) -> int:
        """Carry out a command and return the scan it is about. Raises SightlineError."""
        return await self._engine.send(command)

    async def rows(self, query: Query, first: int, last: int) -> Page:
        """Return rows `first` to `last` - 1 of a list. Raises SightlineError."""
        from ..reports.pages import page

        active = [job.number for job in self._engine.snapshot().jobs]
        return await asyncio.to_thread(page, self._reading(), query, first, last, active)

    async def instant(self, path: str, seconds: float) -> dict[str, Any]:
        """Return everything kept about one instant of a source, as JSON. Raises SightlineError."""
        view = await asyncio.to_thread(Records(self._reading()).instant, path, seconds)
        return asdict(view)

    async def still(self, path: str, seconds: float, longest_side: int) -> bytes:
        """Return a JPEG of an instant. Raises SourceError."""
        records = Records(self._reading())
        view = await asyncio.to_thread(records.instant, path, seconds)
        return await asyncio.to_thread(records.still, view, longest_side)

    async def export_rows(self, query: Query, format_: str, path: Path) -> int:
        """Write all rows of a list to a file (`jsonl` or `csv`) and return how many."""
        from ..reports.rowfiles import write_rows

        return await asyncio.to_thread(write_rows, self._reading(), query, format_, path)

    async def begin_export(self, request: ExportRequest) -> int:
        """Start writing results as files; return the export's number. Raises SightlineError."""
        if self._exports is None:
            from ..reports.exporting import Exports

            self._exports = Exports(self._engine.library.folder)
        return await asyncio.to_thread(self._exports.begin, request)

    async def export_state(self, number: int) -> ExportState:
        """Return how an export stands. Raises UsageError for one there is none of."""
        if self._exports is None:
            raise UsageError(f"there is no export {number}")
        return self._exports.state(number)

    @property
    def exporting(self) -> bool:
        """Tell whether results are being written as files."""
        return self._exports is not None and self._exports.running

    def check_library(self) -> None:
        """Raise LibraryGone if the engine's library was deleted, moved or replaced."""
        self._engine.check_library()

    def watch_again(self) -> None:
        """Go on with the folders that an engine before this one watched."""
        self._engine.watch_again()

    async def hold_watches(self) -> None:
        """Watch nothing any more; the library remembers what was watched."""
        await self._engine.hold_watches()

    def now(self) -> EngineState:
        """Return what everything looks like now, for whoever is in no loop."""
        return self._engine.snapshot()

    def _reading(self) -> Library:
        """Return the library through a connection of its own, so that reading holds up no scan."""
        if self._library is None:
            from ..storage.library import Library

            self._library = Library(self._engine.library.folder, writable=False)
        return self._library

    async def close(self) -> None:
        """Stop running scans after the microbatch in hand and close the library."""
        if self._exports is not None:
            await asyncio.to_thread(self._exports.close)
        if self._library is not None:
            self._library.close()
        await self._engine.close()


class Records:
    """The reading side of a library: never writes, needs no engine."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @classmethod
    def open(cls, folder: Path) -> Records:
        """Open a library for reading. Raises UnknownName if there is none, EnvironmentFault."""
        from ..storage.library import Library

        return cls(Library(folder, writable=False))

    def close(self) -> None:
        """Close the library."""
        self._library.close()

    def scans(self) -> list[ScanLine]:
        """Return every scan, the newest first."""
        from ..reports import lists

        return lists.scan_lines(self._library)

    def jobs(self, kind: str = "") -> list[JobLine]:
        """Return every job, or every one of a kind, the newest first."""
        from ..reports import lists

        return lists.job_lines(self._library, kind)

    def job(self, number: int) -> JobLine:
        """Return one job. Raises UnknownName."""
        from ..reports import lists

        return lists.job_line(self._library, number)

    def job_rows(self, number: int) -> list[dict[str, Any]]:
        """Return the results of a job's finished units of work, as JSON objects."""
        return list(self._library.jobs.rows(number).values())

    def tasks(self, scan: int) -> list[TaskView]:
        """Return the sources of a scan. Raises UnknownName."""
        from ..reports import lists

        return lists.task_views(self._library, scan)

    def write(
        self,
        request: ExportRequest,
        notify: Callable[[ExportProgress], None] = lambda _progress: None,
        wrote: Callable[[Piece], None] = lambda _piece: None,
    ) -> None:
        """Write results as files; `notify` hears how far it is, `wrote` of each file or failure.

        Raises UsageError, UnknownName, EnvironmentFault.
        """
        from ..reports.exporting import Exporter

        Exporter(self._library, request).run(notify, wrote)

    def export(self, scan: int, formats: Sequence[str], folder: Path, text: str = "") -> list[Path]:
        """Write a scan's results and return the files. Raises UsageError, EnvironmentFault."""
        written: list[Piece] = []
        request = ExportRequest(scan, text, tuple(formats), str(folder))
        self.write(request, wrote=written.append)
        return [piece.path for piece in written if piece.path is not None]

    def instant(self, path: str, when: float | WrittenTime) -> InstantView:
        """Return everything kept about one instant of a source. Raises UsageError."""
        from ..reports import instant

        written = when if isinstance(when, WrittenTime) else WrittenTime(when)
        return instant.instant(self._library, path, written)

    def still(self, view: InstantView, longest_side: int) -> bytes:
        """Return a JPEG of an instant, read from its file."""
        from ..reports import instant
        from ..scans.stored_spec import spec_of

        spec = spec_of(self._library, view.scan)
        return instant.still(view.info, view.picture_seconds, longest_side, spec)

    def picture(self, view: InstantView, longest_side: int, path: Path) -> None:
        """Write a JPEG of an instant to a file. Raises SourceError or EnvironmentFault."""
        from ..storage.export.atomic import write

        write(path, self.still(view, longest_side))

    def score(self, scan: int, request: ScoreRequest) -> Scored:
        """Compare a scan's events with a truth file. Raises UsageError."""
        from ..reports import scoring

        return scoring.scored(self._library, scan, request)

    def model_memory(self) -> list[ModelMemory]:
        """Return what each model that was ever loaded took, the largest first."""
        from ..protocol.views import ModelMemory

        return [
            ModelMemory(each.name, each.device, each.bytes, each.batches)
            for each in self._library.footprints.all()
        ]


def verified_without_engine(folder: Path, scan: int) -> Iterator[RederivedSource]:
    """Measure every source of a scan in a read-only library again. Raises SightlineError."""
    from ..experiments import rederive
    from ..storage.library import Library

    library = Library(folder, writable=False)
    try:
        yield from rederive.verify(library, scan)
    finally:
        library.close()


def rows_of(folder: Path, query: Query) -> Iterator[dict[str, Any]]:
    """Yield all rows of a list, read beside whatever engine runs. Raises SightlineError."""
    from ..reports.rowfiles import all_rows
    from ..storage.library import Library

    library = Library(folder, writable=False)
    try:
        yield from all_rows(library, query)
    finally:
        library.close()


async def machine_now(folder: Path) -> MachineState:
    """Return how the machine is: as the running engine sees it, else measured here."""
    from .discovery import running
    from .remote import RemoteClient

    listening = running(folder)
    if listening is not None:
        try:
            client = await RemoteClient.open(listening, readonly=True)
            state = await client.snapshot()
            await client.close()
        except (EngineGone, EngineBusy):
            state = None
        if state is not None and state.machine is not None:
            return state.machine
    return await asyncio.to_thread(_measured, folder)


def _measured(folder: Path) -> MachineState:
    from ..device.metrics import Meter

    meter = Meter(folder)
    try:
        time.sleep(METER_SECONDS)
        return meter.read()
    finally:
        meter.close()


def log_lines(library: Path, level: str, text: str = "") -> list[dict[str, Any]]:
    """Return the lines of a library's log of at least a level, the oldest first."""
    from ..reports.loglines import log_lines as lines

    return lines(log_file(library), level, text)


@contextmanager
def folders_to_write(folders: Sequence[Path]) -> Iterator[None]:
    """Make folders that will be written to; what is new and empty goes again if the block fails.

    Raises EnvironmentFault if a folder cannot be written.
    """
    if not folders:
        yield
        return
    from ..storage.export.atomic import make_writable, remove_if_empty

    new: list[Path] = []
    try:
        for folder in folders:
            if make_writable(folder):
                new.append(folder)
        yield
    except BaseException:
        for folder in reversed(new):
            remove_if_empty(folder)
        raise


def check_formats(names: Sequence[str]) -> None:
    """Raise UsageError for an export format there is none of."""
    if names:
        from ..storage.export.table import check_formats as check

        check(names)


def appearing(
    folder: str, settle_seconds: float, stop: asyncio.Event, *, follow_links: bool = False
) -> Appearing:
    """Return what finds the files of a folder, those there already and then those that come."""
    from ..sources.appearing import Appearing

    return Appearing(folder, settle_seconds, stop, follow_links)


def is_known_kind(path: str) -> bool:
    """Tell whether a file's name says that it is a video or a picture."""
    from ..sources.find import KNOWN_SUFFIXES

    return Path(path).suffix.lower() in KNOWN_SUFFIXES


def dry_run(folder: Path, command: SubmitScan) -> PlanView:
    """Return what a scan would do, with or without a library there."""
    from ..config.profiles import resolve
    from ..errors import UnknownName
    from ..reports import forecast
    from ..storage.library import Library

    spec = resolve(command.profile, command.overrides)
    if spec.model_stages:
        from ..scans.resolve_models import resolve_models

        spec = resolve_models(spec, lambda _note: None).spec
    library: Library | None = None
    try:
        library = Library(folder, writable=False)
    except UnknownName:
        library = None
    try:
        return forecast.plan_view(
            library, spec, command.paths, command.globs, command.mode,
            follow_links=command.follow_links,
        )  # fmt: skip
    finally:
        if library is not None:
            library.close()
