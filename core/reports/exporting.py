"""One export from beginning to end, and those that an engine carries out for its clients."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import Interrupted, SightlineError, UnknownName, UsageError
from ..protocol.queries import ExportRequest
from ..protocol.views import ExportProgress, ExportState, Piece
from ..scans.stored_spec import spec_of
from ..sources.reader import Reader
from ..storage.library import Library
from .clips import export_pieces
from .exports import Notify, Say, events_of, export
from .lists import newest
from .narrowing import FilteredResults

MOST_KEPT = 20
"""finished exports that can still be asked about"""
MOST_FAILURES = 20
MOST_REPORTS = 1000
"""of the progress of one export"""
Wrote = Callable[[Piece], None]


class Exporter:
    """Carries out one request, in the thread that calls `run`."""

    def __init__(self, library: Library, request: ExportRequest) -> None:
        """Raise UsageError for a wrong filter or format, UnknownName for a scan not there."""
        from ..storage.export.table import check_formats

        check_formats(request.formats)
        scan = request.scan if request.scan is not None else newest(library)
        if scan is None:
            raise UnknownName("this library is empty; run: sightline scan PATH")
        self._scan = scan
        self._library = library
        self._request = request
        limits = spec_of(library, scan).limits
        self._narrowed = FilteredResults(library, scan, request.text, request.cut_offs)
        self._reader = Reader(limits, threads=0)
        self._ended = threading.Event()

    def run(self, notify: Notify, wrote: Wrote, say: Say) -> None:
        """Write everything; `notify` gets the progress, `wrote` each file, written or missing.

        `say` gets lines about what the files do not contain.

        Raises SightlineError; Interrupted after `end`.
        """

        def checked(progress: ExportProgress) -> None:
            if self._ended.is_set():
                raise Interrupted("the export was cancelled")
            step = max(1, progress.total // MOST_REPORTS)
            if progress.done % step == 0 or progress.done == progress.total:
                notify(progress)

        request = self._request
        try:
            if request.folder:
                self._files(Path(request.folder), checked, wrote, say)
            if request.clips:
                self._pieces(Path(request.clips), checked, wrote, pictures=False)
            if request.pictures:
                self._pieces(Path(request.pictures), checked, wrote, pictures=True)
        finally:
            self._reader.close()

    def end(self) -> None:
        """Stop as soon as can be; any thread may call this."""
        self._ended.set()
        self._reader.close()

    def _files(self, folder: Path, notify: Notify, wrote: Wrote, say: Say) -> None:
        export(
            self._library, self._scan, self._request.formats, folder, self._reader,
            self._narrowed, notify, lambda path: wrote(Piece("", path, events=0)), say,
        )  # fmt: skip

    def _pieces(self, folder: Path, notify: Notify, wrote: Wrote, *, pictures: bool) -> None:
        total = events_of(self._library, self._scan, self._narrowed)
        done = 0
        notify(ExportProgress("event", 0, total))
        for piece in export_pieces(
            self._library, self._scan, folder, self._reader, self._narrowed, pictures=pictures
        ):
            done += piece.events
            wrote(piece)
            notify(ExportProgress("event", done, max(total, done)))


class Exports:
    """Exports in threads of their own: begun, asked about, and ended with the engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._states: dict[int, ExportState] = {}
        self._running: dict[int, tuple[Exporter, threading.Thread]] = {}
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Return whether any is not finished."""
        with self._lock:
            return bool(self._running)

    def begin(self, request: ExportRequest) -> int:
        """Start an export and return its number. Raises UsageError or UnknownName."""
        library = Library(self._folder, writable=False)
        try:
            exporter = Exporter(library, request)
        except BaseException:
            library.close()
            raise
        number = next(self._numbers)
        thread = threading.Thread(
            target=self._work, args=(number, exporter, library), name=f"sightline-export-{number}"
        )
        with self._lock:
            self._states = dict(list(self._states.items())[-MOST_KEPT:])
            self._states[number] = ExportState()
            self._running[number] = exporter, thread
        thread.start()
        return number

    def state(self, number: int) -> ExportState:
        """Return the state of an export. Raises UsageError for one there is none of."""
        with self._lock:
            found = self._states.get(number)
        if found is None:
            raise UsageError(f"there is no export {number}")
        return found

    def close(self) -> None:
        """End all that run, and wait for them."""
        with self._lock:
            running = list(self._running.values())
        for exporter, _ in running:
            exporter.end()
        for _, thread in running:
            thread.join()

    def _work(self, number: int, exporter: Exporter, library: Library) -> None:
        trouble = ""
        try:
            exporter.run(
                lambda progress: self._set(number, progress=progress),
                lambda piece: self._count(number, piece),
                lambda note: self._note(number, note.text),
            )
        except SightlineError as error:
            trouble = str(error)
        except Exception as error:
            trouble = f"internal error: {type(error).__name__}: {error}"
        finally:
            library.close()
            with self._lock:
                self._running.pop(number, None)
            self._set(number, finished=True, trouble=trouble)

    def _count(self, number: int, piece: Piece) -> None:
        state = self.state(number)
        if not piece.failure:
            self._set(number, files=state.files + 1)
        else:
            notify = (*state.failures, piece.failure)[:MOST_FAILURES]
            self._set(number, failed=state.failed + 1, failures=notify)

    def _note(self, number: int, text: str) -> None:
        self._set(number, notes=(*self.state(number).notes, text))

    def _set(self, number: int, **changed: object) -> None:
        with self._lock:
            if number in self._states:
                self._states[number] = replace(self._states[number], **changed)  # type: ignore[arg-type]
