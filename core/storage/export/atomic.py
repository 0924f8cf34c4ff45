"""The only way an export reaches the disk: a whole new file takes the old one's place, or none."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ...errors import DiskFull, EnvironmentFault
from ...system.disk_errors import FULL, probe
from ...text import clean, clean_path
from .parts import Content

_OURS = f"{uuid4().hex}-"
"""drawn once: for each of many small files it would cost as much as writing it"""
_NUMBERS = itertools.count(1)


class Sink:
    """A file being written under a temporary name; nothing is visible before `keep()`.

    Only its own disk errors are translated: an OSError raised by the caller's content is not
    about this path and passes unchanged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = _temporary(path)
        with disk_errors(path):
            self._file: BinaryIO = _opened(self._temporary)

    def write(self, content: Content) -> None:
        """Append `content`, text as UTF-8. Raises DiskFull or EnvironmentFault."""
        for piece in [content] if isinstance(content, (str, bytes)) else content:
            data = piece.encode("utf-8") if isinstance(piece, str) else piece
            with disk_errors(self._path):
                self._file.write(data)

    def keep(self) -> None:
        """Close and put in place of the old file. Raises DiskFull or EnvironmentFault."""
        with disk_errors(self._path):
            self._file.close()
            os.replace(self._temporary, self._path)

    def discard(self) -> None:
        """Leave nothing behind; never raises for the disk, so that the first error is seen."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._temporary)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Sink]:
    """Give a Sink that replaces `path` when the block ends well, and vanishes when it does not.

    Raises DiskFull when the disk is full, EnvironmentFault for any other error of the disk.
    """
    sink = Sink(path)
    try:
        yield sink
        sink.keep()
    except BaseException:
        sink.discard()
        raise


def write(path: Path, content: Content) -> Path:
    """Write `content` to `path` and return it. Raises DiskFull or EnvironmentFault."""
    if isinstance(content, (str, bytes)):
        _write_whole(path, content.encode("utf-8") if isinstance(content, str) else content)
    else:
        with replacing(path) as sink:
            sink.write(content)
    return path


def _write_whole(path: Path, data: bytes) -> None:
    """Do what `replacing` does for content that is there already, at half the cost."""
    final, temporary = os.fspath(path), _temporary(path)
    with disk_errors(path):
        try:
            _write_new(temporary, data)
            os.replace(temporary, final)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _write_new(path: str, data: bytes) -> None:
    """Write a file that must not be there: by three system calls, where `open` makes six."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    finally:
        os.close(descriptor)


def _temporary(path: Path) -> str:
    """Return a short name, since the final one may be as long as the file system allows."""
    return os.path.join(os.path.dirname(path), f".{_OURS}{next(_NUMBERS)}.part")


def _opened(path: str) -> BinaryIO:
    return open(path, "xb")


def make_folder(folder: Path) -> None:
    """Create `folder` and those above it. Raises DiskFull or EnvironmentFault."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)


def make_writable(folder: Path) -> bool:
    """Create `folder`, and try that a file can be written there; return whether it is new.

    Raises DiskFull or EnvironmentFault: before hours of work, and not after it.
    """
    is_new = not folder.exists()
    make_folder(folder)
    try:
        with disk_errors(folder):
            probe(folder)
    except BaseException:
        if is_new:
            remove_if_empty(folder)
        raise
    return is_new


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing."""
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into DiskFull or EnvironmentFault naming `path`."""
    try:
        yield
    except OSError as error:
        shown = clean_path(str(path))
        if error.errno in FULL:
            raise DiskFull(
                f"no space left to write {shown}: free some space or export to another disk"
            ) from error
        reason = clean(error.strerror or str(error))
        raise EnvironmentFault(
            f"cannot write {shown}: {reason}; check the folder and its permissions"
        ) from error
