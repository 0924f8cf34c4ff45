"""The library's SQLite database: opening, ordered migrations, and errors in the user's words."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ..errors import (
    EnvironmentFault,
    LibraryBusy,
    LibraryDamaged,
    LibraryGone,
    LibraryTooNew,
    UsageError,
)
from ..system.disk_errors import FULL, disk_fault, probe
from ..text import clean
from . import (
    index_migration,
    job_migration,
    judgement_migration,
    reference_migration,
    score_migration,
    text_index,
)

BUSY_SECONDS = 10.0
LOG_PAGES = 8192
"""pages of the write-ahead log (32 MiB) after which they are copied into the database"""
MOST_EMPTY = 0.25
"""share of a file that may be empty after a migration; later rows fill it"""

MIGRATIONS: tuple[str | Callable[[sqlite3.Connection], None], ...] = (
    """
    CREATE TABLE contents (
        content TEXT PRIMARY KEY, kind TEXT NOT NULL, info TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE paths (
        path BLOB PRIMARY KEY, content TEXT, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        failure TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID;
    CREATE TABLE scans (
        id INTEGER PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, finished TEXT,
        profile TEXT NOT NULL, spec TEXT NOT NULL, spec_hash TEXT NOT NULL, state TEXT NOT NULL,
        asked TEXT NOT NULL
    );
    CREATE TABLE tasks (
        scan INTEGER NOT NULL REFERENCES scans(id) ON DELETE CASCADE, number INTEGER NOT NULL,
        path BLOB NOT NULL, kind TEXT NOT NULL, content TEXT, state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '', frames INTEGER NOT NULL DEFAULT 0,
        moments INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (scan, number)
    ) WITHOUT ROWID;
    CREATE TABLE tracks (
        key TEXT PRIMARY KEY, content TEXT NOT NULL, stage TEXT NOT NULL, version INTEGER NOT NULL,
        settings TEXT NOT NULL, frames INTEGER NOT NULL DEFAULT 0,
        complete INTEGER NOT NULL DEFAULT 0, ended TEXT
    ) WITHOUT ROWID;
    CREATE INDEX tracks_by_content ON tracks (content);
    CREATE TABLE chunks (
        track TEXT NOT NULL REFERENCES tracks(key) ON DELETE CASCADE, first INTEGER NOT NULL,
        count INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (track, first)
    ) WITHOUT ROWID;
    CREATE TABLE results (
        content TEXT NOT NULL, spec_hash TEXT NOT NULL, frames INTEGER NOT NULL,
        failure TEXT NOT NULL DEFAULT '', warnings TEXT NOT NULL, provenance TEXT NOT NULL,
        tracks TEXT NOT NULL, PRIMARY KEY (content, spec_hash)
    ) WITHOUT ROWID;
    CREATE TABLE candidates (
        content TEXT NOT NULL, spec_hash TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (content, spec_hash, number),
        FOREIGN KEY (content, spec_hash) REFERENCES results ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE TABLE moments (
        content TEXT NOT NULL, spec_hash TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL,
        peak_seconds REAL NOT NULL, score REAL NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (content, spec_hash, number),
        FOREIGN KEY (content, spec_hash) REFERENCES results ON DELETE CASCADE
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE asked (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, stage TEXT NOT NULL, body TEXT NOT NULL
    );
    CREATE TABLE annotations (
        id INTEGER PRIMARY KEY, asked INTEGER NOT NULL REFERENCES asked(id), content TEXT NOT NULL,
        frame INTEGER NOT NULL, part TEXT NOT NULL, seconds REAL NOT NULL, body TEXT NOT NULL,
        vector BLOB, made TEXT NOT NULL, UNIQUE (asked, content, frame, part)
    );
    CREATE INDEX annotations_by_content ON annotations (content);
    CREATE TABLE shown (
        content TEXT NOT NULL, spec_hash TEXT NOT NULL, annotation INTEGER NOT NULL
        REFERENCES annotations(id) ON DELETE CASCADE, PRIMARY KEY (content, spec_hash, annotation),
        FOREIGN KEY (content, spec_hash) REFERENCES results ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE TABLE sampled (
        key TEXT PRIMARY KEY, content TEXT NOT NULL, frames BLOB NOT NULL, ended TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE footprints (
        key TEXT PRIMARY KEY, bytes INTEGER NOT NULL, batch INTEGER NOT NULL,
        identity TEXT NOT NULL DEFAULT '', name TEXT NOT NULL DEFAULT '',
        device TEXT NOT NULL DEFAULT '', work TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID;
    """,
    """
    DROP INDEX annotations_by_content;
    CREATE INDEX annotations_by_frame ON annotations (content, frame);
    CREATE TABLE marks (
        content TEXT NOT NULL, frame INTEGER NOT NULL, made TEXT NOT NULL,
        PRIMARY KEY (content, frame)
    ) WITHOUT ROWID;
    CREATE TABLE corrections (
        content TEXT NOT NULL, frame INTEGER NOT NULL, what TEXT NOT NULL, body TEXT NOT NULL,
        made TEXT NOT NULL, PRIMARY KEY (content, frame, what)
    ) WITHOUT ROWID;
    """,
    "CREATE TABLE watched (folder BLOB PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
    score_migration.migrate,
    "ALTER TABLE tasks ADD COLUMN stream INTEGER",
    job_migration.migrate,
    reference_migration.migrate,
    judgement_migration.migrate,
    """
    CREATE TABLE drawn_boxes (
        id INTEGER PRIMARY KEY, content TEXT NOT NULL, frame INTEGER NOT NULL,
        seconds REAL NOT NULL, label TEXT NOT NULL, x REAL NOT NULL, y REAL NOT NULL,
        width REAL NOT NULL, height REAL NOT NULL, made TEXT NOT NULL
    );
    CREATE INDEX drawn_boxes_of ON drawn_boxes (content, frame);
    """,
    index_migration.migrate,
    text_index.migrate,
)
SCHEMA_VERSION = len(MIGRATIONS)


class Database:
    """One connection, used by one thread at a time; all writing goes through `transaction()`.

    A file that is deleted or moved can still be written by the process that has it open, and no
    other finds what is written: so a writable database checks at each commit that its path
    still leads to the file it opened.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path.absolute()
        self._lock = threading.RLock()
        self._opened: tuple[int, int] | None = None
        with self._in_words():
            self._connection = _connect(self.path, writable)
        if writable:
            self._opened = _identity(self.path)
        self._check_version(writable)

    @contextmanager
    def transaction(self, *, revises: bool = True) -> Iterator[sqlite3.Connection]:
        """Run one transaction: all of it is kept, or none. Raises EnvironmentFault.

        Unless it `revises`, it changes no list of results, so lists that were read stay valid.
        """
        with self._lock, self._in_words():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                if revises:
                    self._connection.execute("UPDATE revision SET number = number + 1")
                yield self._connection
                self._connection.commit()
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.rollback()
                raise
            self.check_there()

    def check_there(self) -> None:
        """Raise LibraryGone if the path does not lead to the file any more that was opened."""
        if self._opened is not None and _identity(self.path) != self._opened:
            raise _gone(self.path)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read with errors in the user's words."""
        with self._lock, self._in_words():
            yield self._connection

    def copy_to(self, target: Database) -> None:
        """Replace the content of another database by that of this one. Raises EnvironmentFault."""
        with self.reading() as source, target.reading() as copy:
            source.backup(copy)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _check_version(self, writable: bool) -> None:
        with self.reading() as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            self.close()
            raise LibraryTooNew(
                f"{clean(str(self.path))} was written by a newer sightline (layout {version}, "
                f"this one knows {SCHEMA_VERSION}); update sightline or name another --library"
            )
        if writable:
            self._migrate(version)
            if 0 < version < SCHEMA_VERSION:
                self._give_back_space()
        elif 0 < version < SCHEMA_VERSION:
            self._read_a_copy(version)

    def _read_a_copy(self, version: int) -> None:
        """Read an earlier layout that cannot be changed, on a read-only disk, as one of this."""
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        with self._lock, self._in_words():
            self._connection.backup(copy)
            self._connection.close()
            self._connection = copy
        self._migrate(version)

    def _migrate(self, version: int) -> None:
        for number in range(version, SCHEMA_VERSION):
            with self.transaction(revises=False) as connection:
                _apply(MIGRATIONS[number], connection)
                connection.execute(f"PRAGMA user_version = {number + 1}")

    def _give_back_space(self) -> None:
        """Make the file smaller if a migration left much of it empty and the disk has space."""
        with self._lock, suppress(sqlite3.Error):
            free, pages = (
                int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("freelist_count", "page_count")
            )
            if free > MOST_EMPTY * pages:
                self._connection.execute("VACUUM")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            self.check_there()
            raise _fault(error, self.path) from error
        except OverflowError as error:  # of a number that was typed: SQLite's have 64 bits
            raise UsageError("a number is too large: no scan, job or frame has it") from error


def is_older(path: Path) -> bool:
    """Return whether a database has an earlier layout than this version writes."""
    with suppress(sqlite3.DatabaseError), closing(_connect(path, writable=False)) as connection:
        return 0 < int(connection.execute("PRAGMA user_version").fetchone()[0]) < SCHEMA_VERSION
    return False


def _apply(
    migration: str | Callable[[sqlite3.Connection], None], connection: sqlite3.Connection
) -> None:
    if callable(migration):
        migration(connection)
        return
    for statement in migration.split(";"):
        connection.execute(statement)


def _connect(path: Path, writable: bool) -> sqlite3.Connection:
    mode = "rwc" if writable else "ro"
    if not writable and not os.access(path.parent, os.W_OK) and not _wal(path).exists():
        # Reading in WAL mode writes beside the file; on a read-only disk no other process does.
        mode = "ro&immutable=1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA foreign_keys = ON")
    if writable:
        connection.execute("PRAGMA journal_mode = WAL")
        # With WAL, NORMAL loses nothing when the process is killed, only the last instants when
        # the power fails; and those are then simply done again.
        connection.execute("PRAGMA synchronous = NORMAL")
        # Some systems' SQLite fills with zeros whatever is deleted: a migration would write all of
        # the former library once more.
        connection.execute("PRAGMA secure_delete = FAST")
        # Pages that many transactions change, as those of indexes, are copied into the database
        # once for all that lie in the log.
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    return connection


def _identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a file; None if there is none. Raises EnvironmentFault."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise disk_fault(error, path) from error
    return status.st_dev, status.st_ino


def _gone(path: Path) -> LibraryGone:
    return LibraryGone(
        f"{clean(str(path))} was deleted, moved or replaced while it was written: later results "
        "cannot be stored; restore the library folder, or scan again"
    )


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _fault(error: sqlite3.DatabaseError, path: Path) -> EnvironmentFault:
    words, where = str(error), clean(str(path))
    if "full" in words:
        return disk_fault(OSError(errno.ENOSPC, words), path)
    if "locked" in words or "busy" in words:
        return LibraryBusy(f"{where} is being written by another program; try again in a moment")
    if "disk I/O" in words or "unable to open" in words:
        full = _no_room(path.parent)  # SQLite knows one kind of full disk only
        if full is not None:
            return disk_fault(full, path)
    if "disk I/O" in words:
        return EnvironmentFault(
            f"{where}: the disk cannot be read or written; check the disk and its free "
            "space, then resume: stored results remain"
        )
    if "no such table" in words:
        return EnvironmentFault(f"{where} was not completed; the next scan repairs it")
    if "unable to open" in words or "readonly" in words:
        return EnvironmentFault(
            f"{where} cannot be opened for writing; check the folder's permissions"
        )
    return LibraryDamaged(
        f"{where} cannot be read ({clean(words)}); move the library folder away to start with "
        "an empty one, or restore it from a backup"
    )


def _no_room(folder: Path) -> OSError | None:
    """Return the error of a disk that takes no more; no inode may be left, or no quota."""
    try:
        probe(folder)
    except OSError as error:
        return error if error.errno in FULL else None
    return None
