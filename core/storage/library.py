"""The library: one folder with everything kept. One engine writes it at a time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..errors import EnvironmentFault, LibraryBusy, UnknownName
from ..system import private_files as private
from ..system.disk_errors import disk_fault
from ..text import clean
from .annotations import Annotations
from .content_scans import ContentScans
from .database import Database, is_older
from .drawn_boxes import DrawnBoxes
from .event_scores import EventScores
from .footprints import Footprints
from .found_sources import FoundSources
from .frame_words import FrameWords
from .frames import KeptFrames
from .index_facts import IndexFacts
from .index_state import IndexState
from .jobs import Jobs
from .judgements import Judgements
from .listings import Listings
from .lock import LOCK
from .media_files import MediaFiles
from .rates import Rates
from .remarks import Remarks
from .results import Results
from .runs import Runs
from .scan_sums import ScanSums
from .series import SeriesTable
from .stored_vectors import StoredVectors
from .text_index import TextIndex
from .text_vectors import KeptTextVectors
from .thumbnails import Thumbnails

DATABASE = "library.db"


class Library:
    """An open library. Raises LibraryBusy, LibraryTooNew, LibraryDamaged or EnvironmentFault."""

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        self.folder = folder
        self.warnings: tuple[str, ...] = ()
        """what the user should know of the folder, as that others can read it"""
        self._lock: IO[str] | None = None
        if writable:
            self._make()
            self._lock = _locked(folder)
        elif not (folder / DATABASE).is_file():
            raise UnknownName(
                f"{clean(str(folder))}: no library here yet; the first scan creates it"
            )
        else:
            _tighten(folder)
            _bring_up_to_date(folder)
        try:
            self.database = Database(folder / DATABASE, writable=writable)
        except BaseException:
            self._unlock()
            raise
        self.jobs = Jobs(self.database)
        self.runs = Runs(self.database)
        self.scan_sums = ScanSums(self.database)
        self.results = Results(self.database)
        self.series = SeriesTable(self.database)
        self.annotations = Annotations(self.database)
        self.listings = Listings(self.database)
        self.index = IndexState(self.database)
        self.index_facts = IndexFacts(self.database)
        self.remarks = Remarks(self.database)
        self.words = TextIndex(self.database)
        self.frame_words = FrameWords(self.database, self.remarks)
        self.found_sources = FoundSources(self.database)
        self.judgements = Judgements(self.database)
        self.drawn_boxes = DrawnBoxes(self.database)
        self.content_scans = ContentScans(self.database)
        self.event_scores = EventScores(self.database)
        self.media = MediaFiles(self.database)
        self.vectors = StoredVectors(self.database)
        self.footprints = Footprints(self.database)
        self.rates = Rates(self.database)
        self.thumbnails = Thumbnails(folder / "pictures")
        self.frames = KeptFrames(folder / "frames")
        self.texts = KeptTextVectors(folder / "texts")
        self.scratch = folder / "scratch"
        """of jobs that measure beside the library: a folder each, by the job's number"""

    def close(self) -> None:
        """Close the database and let another engine write."""
        self.database.close()
        self._unlock()

    def _make(self) -> None:
        """Make the folder, or make the one that is there private; the database with it."""
        try:
            private.make_folder(self.folder)
            self.warnings = private.secured(self.folder)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            with suppress(FileExistsError):  # SQLite gives what it adds to it the same permissions
                os.close(private.open_file(self.folder / DATABASE, flags))
        except OSError as error:
            raise disk_fault(error, self.folder) from error

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _bring_up_to_date(folder: Path) -> None:
    """Let a library of an earlier layout be read as one of this, if no process writes to it."""
    if is_older(folder / DATABASE):
        with suppress(LibraryBusy, EnvironmentFault):
            Library(folder).close()


def _lock(file: IO[str]) -> None:
    """Lock a file; the kernel releases it however we end, so there is no stale lock.

    Who only asks whether it is held (`is_held`) holds it for an instant: so more than one try.
    """
    for pause in (0.02, 0.05, 0.1):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            time.sleep(pause)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _tighten(folder: Path) -> None:
    """Make a library of the user's private, as far as reading it needs no more."""
    with suppress(OSError, EnvironmentFault):
        if private.is_ours(folder):
            private.secured(folder)


def _lock_file(path: Path) -> IO[str]:
    try:
        handle = private.open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    except OSError as error:
        raise disk_fault(error, path) from error
    return os.fdopen(handle, "a+", encoding="ascii")


def _locked(folder: Path) -> IO[str]:
    path = folder / LOCK
    file = _lock_file(path)
    try:
        _lock(file)
    except OSError as error:
        if private.held_by_stranger(file.fileno()):
            file.close()
            return _locked_anew(path)
        file.seek(0)
        owner = clean(file.read(20).strip()) or "unknown"
        file.close()
        raise LibraryBusy(
            f"another engine (process {owner}) writes to {clean(str(folder))}; "
            "wait for it, or name another --library"
        ) from error
    return _signed(file)


def _locked_anew(path: Path) -> IO[str]:
    """Lock another file in the place of one that a user without write access here has locked.

    The folder is private by now, so that user cannot reach the new one.
    """
    try:
        path.unlink(missing_ok=True)
        file = _lock_file(path)
        _lock(file)
    except OSError as error:
        raise disk_fault(error, path) from error
    return _signed(file)


def _signed(file: IO[str]) -> IO[str]:
    if os.fstat(file.fileno()).st_nlink > 1:
        return file  # a backup's, or another file of the user's: nothing is written over
    # The number only names the holder; a full disk may keep it out. Past the file's own buffer,
    # which would be written again, and fail again, whenever it is closed.
    with suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), str(os.getpid()).encode())
    return file
