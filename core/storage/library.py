"""The library: one folder with everything kept. One engine writes it at a time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..discovery import LOCK
from ..disk_errors import disk_fault
from ..errors import LibraryBusy, UnknownName
from ..text import clean
from .annotations import Annotations
from .database import Database
from .footprints import Footprints
from .frames import KeptFrames
from .listings import Listings
from .remarks import Remarks
from .results import Results
from .runs import Runs
from .thumbnails import Thumbnails
from .watched import Watched

DATABASE = "library.db"


class Library:
    """An open library. Raises LibraryBusy, LibraryTooNew, LibraryDamaged or EnvironmentFault."""

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        self.folder = folder
        self._lock: IO[str] | None = None
        if writable:
            self._make()
            self._lock = _locked(folder)
        elif not (folder / DATABASE).is_file():
            raise UnknownName(f"{clean(str(folder))}: no library here yet; it begins with a scan")
        try:
            self.database = Database(folder / DATABASE, writable=writable)
        except BaseException:
            self._unlock()
            raise
        self.runs = Runs(self.database)
        self.results = Results(self.database)
        self.annotations = Annotations(self.database)
        self.listings = Listings(self.database)
        self.remarks = Remarks(self.database)
        self.watched = Watched(self.database)
        self.footprints = Footprints(self.database)
        self.thumbnails = Thumbnails(folder / "pictures")
        self.frames = KeptFrames(folder / "frames")

    def close(self) -> None:
        """Close the database and let another engine write."""
        self.database.close()
        self._unlock()

    def _make(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_fault(error, self.folder) from error

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _lock(file: IO[str]) -> None:
    """Lock a file; the kernel lets go of it however we end, so there is no stale lock.

    Who only asks whether it is held (`is_held`) holds it for an instant: so more than one try.
    """
    for pause in (0.02, 0.05, 0.1):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            time.sleep(pause)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _locked(folder: Path) -> IO[str]:
    path = folder / LOCK
    try:
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise disk_fault(error, path) from error
    try:
        _lock(file)
    except OSError as error:
        file.seek(0)
        owner = clean(file.read(20).strip()) or "unknown"
        file.close()
        raise LibraryBusy(
            f"another engine (process {owner}) writes to {clean(str(folder))}; "
            "wait for it, or name another --library"
        ) from error
    # The number only tells who holds it; a full disk may keep it out. Past the file's own buffer,
    # which would be written again, and fail again, whenever it is closed.
    with suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), str(os.getpid()).encode())
    return file
