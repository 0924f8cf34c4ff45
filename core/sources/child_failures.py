"""How the reader process reports a file that cannot be read, and which files it rejects."""

from __future__ import annotations

import errno
import os
import stat

from ..errors import MissingExtra, SourceError, Unreadable
from ..system.disk_errors import FULL


def failure(error: Exception) -> dict[str, str]:
    """Return the class and the reason of an error that the engine receives."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return {"error": "Vanished", "reason": "the file is gone; was it moved or deleted?"}
    if isinstance(error, PermissionError):
        return {"error": "Unreadable", "reason": "permission denied; check the file's permissions"}
    if isinstance(error, (SourceError, MissingExtra)):
        return {"error": type(error).__name__, "reason": str(error)}
    return _unexpected(error)


def _unexpected(error: Exception) -> dict[str, str]:
    words = " ".join(str(error).split())[:200]
    # A library that cannot allocate memory is an ImportError to Python.
    if isinstance(error, MemoryError) or "failed to map" in words or "annot allocate" in words:
        reason = "needs more memory than limits.memory_mib allows; raise it if you trust the file"
        return {"error": "TooLarge", "reason": reason}
    if getattr(error, "errno", None) in FULL:
        return {"error": "DiskFull", "reason": "no space left to write to; free some space"}
    if getattr(error, "errno", None) == errno.EROFS:
        return {"error": "EnvironmentFault", "reason": "the disk to write to is read-only"}
    if isinstance(error, OSError) and error.strerror and error.filename:
        return {"error": "Unreadable", "reason": f"{error.strerror}; check the path"}
    reason = f"cannot be decoded ({type(error).__name__}: {words})"
    return {"error": "Unreadable", "reason": reason}


def check_file(path: str) -> None:
    """Refuse what is no regular file: a pipe would be waited for, a device never ends."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unreadable("not a regular file; name a video or picture, or a folder of them")
    finally:
        os.close(handle)
