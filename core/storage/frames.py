"""Frames that a VLM was shown, as JPEG files, so that another prompt decodes nothing again.

What a VLM sees is always the JPEG, the first time too: so an answer does not depend on whether a
frame was kept. The oldest go when the folder holds more than it may.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .whole_file import write_whole


class KeptFrames:
    """Reads and writes frames under one folder; tidied whenever a tenth of its most was added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._added = 0

    def get(self, content: str, frame: int, side: int) -> bytes | None:
        """Return a frame's JPEG, if it was kept."""
        path = self._path(content, frame, side)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        with suppress(OSError):
            os.utime(path)
        return data

    def put(self, content: str, frame: int, side: int, jpeg: bytes, most_bytes: int) -> None:
        """Keep a frame; the file appears whole or not at all. Raises DiskFull."""
        self._added += len(jpeg)
        if self._added > most_bytes / 10:
            self._added = 0
            self.tidy(most_bytes)
        write_whole(self._path(content, frame, side), jpeg, self._folder.parent)

    def tidy(self, most_bytes: int) -> None:
        """Remove the frames used longest ago until the rest fit into `most_bytes`."""
        files = []
        for path in self._folder.glob("*/*/*"):
            with suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= most_bytes:
                return
            with suppress(OSError):
                path.unlink()
                total -= size

    def _path(self, content: str, frame: int, side: int) -> Path:
        name = content.replace(":", "-")
        return self._folder / name[-2:] / name / f"{frame}-{side}.jpg"
