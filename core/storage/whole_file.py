"""Writing a file of the library so that it appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

from .. import private
from .database import disk_fault


def write_whole(path: Path, data: bytes) -> None:
    """Write a private file, making its folder. Raises DiskFull or EnvironmentFault."""
    try:
        private.write_whole(path, data)
    except OSError as error:
        raise disk_fault(error, path) from error
