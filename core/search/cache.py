"""What searches computed: vectors of queries, chance tails, and replies, in a SQLite file.

Only a cache, in a file of its own, so that any process may write it whoever writes the library. A
file that is damaged, of another layout or not writable is done without. Keys hold everything that a
value depends on: of a reply also the generation of the index and the revision of the library.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

Kind = Literal["vector", "tail", "reply"]
NAME = "search-cache.db"
LAYOUT = 1
MOST: dict[Kind, int] = {"vector": 20_000, "tail": 64, "reply": 500}
"""rows of each kind; those used longest ago are removed"""
BUSY_SECONDS = 1.0
T = TypeVar("T")


class SearchCache:
    """Reads and writes the cache of a library's folder. Any thread may call."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    def get(self, kind: Kind, key: str) -> bytes | None:
        """Return a value, None where it is not known."""

        def read(connection: sqlite3.Connection) -> bytes | None:
            row = connection.execute(
                "SELECT value FROM cache WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
            if row is None:
                return None
            with suppress(sqlite3.Error):  # a disk that takes nothing can still be read
                connection.execute(
                    "UPDATE cache SET used = ? WHERE kind = ? AND key = ?", (time.time(), kind, key)
                )
            return bytes(row[0])

        return self._tried(read)

    def put(self, kind: Kind, key: str, value: bytes) -> None:
        """Keep a value, and at most `MOST` of its kind."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO cache (kind, key, value, used) VALUES (?, ?, ?, ?)",
                (kind, key, value, time.time()),
            )
            connection.execute(
                "DELETE FROM cache WHERE kind = ?1 AND key NOT IN "
                "(SELECT key FROM cache WHERE kind = ?1 ORDER BY used DESC LIMIT ?2) "
                "AND (SELECT count(*) FROM cache WHERE kind = ?1) > ?2",
                (kind, MOST[kind]),
            )

        self._tried(write)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _tried(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        with self._lock:
            if self._closed:
                return None
            try:
                if self._connection is None:
                    self._connection = _opened(self._path)
                return work(self._connection)
            except (sqlite3.Error, OSError):
                return None


def _opened(path: Path) -> sqlite3.Connection:
    """Open the file; one that is damaged or of another layout is made anew."""
    try:
        return _connected(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        for name in (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm"))):
            name.unlink(missing_ok=True)
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    if not path.exists():
        path.touch(mode=0o600)
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == LAYOUT:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("DROP TABLE IF EXISTS cache")
    connection.execute(
        "CREATE TABLE cache (kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, "
        "used REAL NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX cache_by_use ON cache (kind, used)")
    connection.execute(f"PRAGMA user_version = {LAYOUT}")
