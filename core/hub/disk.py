"""Free space on the disk that models are stored on, and errors of that disk in words."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskFull, EnvironmentFault
from ..text import byte_size, clean, clean_path

MARGIN_BYTES = 64 * 2**20
"""left free: a disk filled to the last byte breaks whatever else runs on it"""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk a folder lies, or will lie, on."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    with disk_errors(there):
        return shutil.disk_usage(there).free


def require(name: str, needed_bytes: int, folder: Path) -> None:
    """Raise DiskFull unless so many bytes fit, with the figures."""
    free = free_bytes(folder)
    if needed_bytes and needed_bytes + MARGIN_BYTES > free:
        raise DiskFull(
            f"{clean(name)} needs {byte_size(needed_bytes)} more in {clean_path(str(folder))}, "
            f"where {byte_size(free)} are free; remove models (sightline models remove NAME), or "
            "name a folder on another disk with HF_HUB_CACHE"
        )


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into DiskFull or EnvironmentFault naming `path`."""
    try:
        yield
    except OSError as error:
        shown = clean_path(str(path))
        if error.errno in FULL:
            raise DiskFull(
                f"no space left to write {shown}; free some space, then run the same command again "
                "to continue"
            ) from error
        reason = clean(error.strerror or str(error))
        raise EnvironmentFault(
            f"cannot use {shown}: {reason}; check the folder and its permissions"
        ) from error
