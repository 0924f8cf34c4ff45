"""Files that a setting or an option names: read whole, but only regular ones of a bounded size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..text import clean_path


def read_file(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file. Raises ValueError that says what is wrong with it.

    A pipe, which would be waited for, and a device, which never ends, are refused.
    """
    where = clean_path(str(path))
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{where} is not a regular file")
            if status.st_size > most_bytes:
                raise ValueError(f"{where} is larger than {most_bytes / 2**20:.3g} MiB")
            return file.read(most_bytes)
    except OSError as error:
        raise ValueError(f"{where} cannot be read: {error.strerror}") from error


def read_text(path: Path, most_bytes: int) -> str:
    """Return a regular file as text, without a byte order mark. Raises ValueError."""
    try:
        return read_file(path, most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{clean_path(str(path))} cannot be read: it is not UTF-8") from None
