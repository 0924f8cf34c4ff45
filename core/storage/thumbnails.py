"""Small pictures of moments, as JPEG files named by content and time."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from .database import disk_fault


class Thumbnails:
    """Reads and writes thumbnails under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, content: str, seconds: float, longest_side: int) -> Path:
        """Return where a thumbnail is or would be."""
        name = hashlib.blake2b(
            f"{content}\n{round(seconds * 1e6)}\n{longest_side}".encode(), digest_size=16
        ).hexdigest()
        return self._folder / name[:2] / f"{name}.jpg"

    def get(self, content: str, seconds: float, longest_side: int) -> bytes | None:
        """Return a thumbnail's JPEG bytes, if it was made."""
        try:
            return self.path(content, seconds, longest_side).read_bytes()
        except OSError:
            return None

    def put(self, content: str, seconds: float, longest_side: int, jpeg: bytes) -> None:
        """Keep a thumbnail; the file appears whole or not at all."""
        path = self.path(content, seconds, longest_side)
        scratch = path.with_suffix(f".{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_bytes(jpeg)
            os.replace(scratch, path)
        except OSError as error:
            with suppress(OSError):
                scratch.unlink()
            raise disk_fault(error, path) from error
