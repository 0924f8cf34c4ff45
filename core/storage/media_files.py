"""The files that the library knows, with what was measured of their contents, for many at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .database import Database
from .series import unpacked

_BATCH = 500
_FILES = (
    "SELECT paths.path, paths.content, size, mtime_ns, coalesce(contents.kind, ''), "
    "coalesce(json_extract(info, '$.width'), 0), coalesce(json_extract(info, '$.height'), 0), "
    "coalesce(json_extract(info, '$.duration_seconds'), 0.0) "
    "FROM paths LEFT JOIN contents USING (content) WHERE paths.content IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file as it was when it was last read. Width and height are those of the upright picture.

    `kind` is `video`, `picture`, or empty where nothing is kept of the content. `seconds` is the
    duration of a video.
    """

    path: str
    content: str
    size_bytes: int
    mtime_ns: int
    kind: str
    width: int
    height: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The rows of one stage over a video: `values` is float32 (frames, columns)."""

    seconds: NDArray[np.float64]
    values: NDArray[np.float32]


class MediaFiles:
    """Reads what is known of files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[MediaFile]:
        """Return every file whose content is known, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(f"{_FILES} ORDER BY paths.path").fetchall()
        return [MediaFile(os.fsdecode(path), *rest) for path, *rest in rows]

    def of_scan(self, scan: int) -> set[str]:
        """Return the paths of a scan's sources."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT path FROM tasks WHERE scan = ?", (scan,)).fetchall()
        return {os.fsdecode(row[0]) for row in rows}

    def picture_rows(
        self, stage: str, version: int, columns: int
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Return the contents of pictures that a stage measured, and float32 (pictures, columns).

        Those that another version of the stage measured are left out.
        """
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT contents.content, max(measuring), data FROM picture_series "
                "JOIN measurings ON measurings.id = measuring "
                "JOIN contents ON contents.id = picture_series.content "
                "WHERE stage = ? AND version = ? AND length(data) = ? "
                "GROUP BY picture_series.content",
                (stage, version, 4 * columns),
            ).fetchall()
        data = b"".join(row[2] for row in rows)
        return [str(row[0]) for row in rows], np.frombuffer(data, "<f4").reshape(-1, columns)

    def video_rows(
        self, stage: str, version: int, contents: Sequence[str]
    ) -> Iterator[tuple[str, FrameRows]]:
        """Yield what a stage measured of videos; of several series of one the most complete."""
        for content, key in self._series(stage, version, contents):
            with self._database.reading() as connection:
                chunks = connection.execute(
                    "SELECT first, count, data FROM chunks WHERE track = ? ORDER BY first", (key,)
                ).fetchall()
            parts = [unpacked(*chunk) for chunk in chunks]
            if parts:
                yield (
                    content,
                    FrameRows(
                        np.concatenate([part.pts_seconds for part in parts]),
                        np.concatenate([part.values for part in parts]),
                    ),
                )

    def _series(
        self, stage: str, version: int, contents: Sequence[str]
    ) -> Iterable[tuple[str, str]]:
        found: dict[str, str] = {}
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT content, key FROM tracks WHERE stage = ? AND version = ? "
                    f"AND content IN ({','.join('?' * len(part))}) ORDER BY complete, frames, key",
                    (stage, version, *part),
                )
                found |= dict(rows.fetchall())
        return found.items()
