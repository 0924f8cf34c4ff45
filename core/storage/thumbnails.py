"""Small pictures of moments, as JPEG files named by content and time."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

from .whole_file import write_whole


class Thumbnails:
    """Reads and writes thumbnails under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, content: str, seconds: float, longest_side: int, pixels: str = "") -> Path:
        """Return where a thumbnail is or would be; `pixels` as in `SourceInfo`."""
        shown = f"-{zlib.crc32(pixels.encode()):08x}" if pixels else ""
        return self._of(content) / f"{round(seconds * 1e6)}-{longest_side}{shown}.jpg"

    def has(self, content: str, seconds: float, longest_side: int, pixels: str = "") -> bool:
        """Return whether a thumbnail was made."""
        return self.path(content, seconds, longest_side, pixels).exists()

    def keep_only(self, contents: set[str]) -> None:
        """Remove thumbnails of all other contents."""
        kept = {self._of(content) for content in contents}
        for folder in self._folder.glob("*/*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _of(self, content: str) -> Path:
        name = content.replace(":", "-")
        return self._folder / name[-2:] / name

    def get(
        self, content: str, seconds: float, longest_side: int, pixels: str = ""
    ) -> bytes | None:
        """Return a thumbnail's JPEG bytes, if it was made."""
        try:
            return self.path(content, seconds, longest_side, pixels).read_bytes()
        except OSError:
            return None

    def put(
        self, content: str, seconds: float, longest_side: int, jpeg: bytes, pixels: str = ""
    ) -> None:
        """Keep a thumbnail; the file appears whole or not at all."""
        write_whole(self.path(content, seconds, longest_side, pixels), jpeg, self._folder.parent)
