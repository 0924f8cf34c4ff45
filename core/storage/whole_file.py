"""Writing a file of the library so that it appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ..system import private_files as private
from ..system.disk_errors import disk_fault


def write_whole(path: Path, data: bytes, library: Path) -> None:
    """Write a private file, making its folder. Raises DiskFull or EnvironmentFault.

    The folder of the library itself is never made: it would hide that the library was deleted.
    """
    try:
        os.stat(library)
        private.write_whole(path, data)
    except OSError as error:
        raise disk_fault(error, path) from error
