"""Errors of the operating system in the user's words: a disk that is full, or not to be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from ..errors import DiskFull, EnvironmentFault
from ..text import clean_path

FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
"""no blocks or no inodes left, or none left of what this user may have"""
OF_THE_MACHINE = FULL | frozenset(
    (errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
     errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP, errno.ESTALE, errno.EFBIG)
)  # fmt: skip
"""errors of the machine, the disk or its permissions, whatever code meets them"""
PROBE_BYTES = 8192
"""two blocks of most file systems: a small file may lie in its inode"""


def disk_fault(error: OSError, path: Path) -> EnvironmentFault:
    """Return an operating system error about `path` as one line that says what to do."""
    where = clean_path(str(path))
    if error.errno in FULL:
        return DiskFull(
            f"no space left to write {where} ({error.strerror}); free some space, then try "
            "again or resume the scan: stored results remain"
        )
    reason = error.strerror or clean_path(str(error))
    return EnvironmentFault(f"{where}: {reason}; check the folder and its permissions")


def disk_fault_of(error: OSError) -> EnvironmentFault | None:
    """Return an error as `disk_fault` does if the machine caused it, None if it may be a defect."""
    if error.errno in OF_THE_MACHINE:
        return disk_fault(error, Path(os.fsdecode(error.filename or "a file")))
    if "temporary directory" in str(error):  # what tempfile says where none can be written
        return EnvironmentFault(
            "no folder for temporary files can be written; free some space in /tmp, or set TMPDIR"
        )
    return None


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into an EnvironmentFault about `path`."""
    try:
        yield
    except OSError as error:
        raise disk_fault(error, path) from error


def probe(folder: Path) -> None:
    """Write a small file in a folder and remove it. Raises OSError where that is impossible."""
    path = folder / f".{uuid4().hex}.part"
    try:
        with path.open("xb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
