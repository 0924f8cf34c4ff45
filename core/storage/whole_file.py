"""Writing a file of the library so that it appears whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..disk_errors import disk_fault


def write_whole(path: Path, data: bytes, library: Path) -> None:
    """Write `data` to `path`, making its folder. Raises DiskFull or EnvironmentFault.

    The folder of the library itself is never made: it would hide that the library was deleted.
    """
    scratch = path.with_suffix(f".{os.getpid()}.new")
    try:
        os.stat(library)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(data)
        os.replace(scratch, path)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink()
        raise disk_fault(error, path) from error
