"""Files of this machine, named by a path or a `file:` URL."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ..errors import UsageError
from ..protocol.addresses import path_of, scheme_of
from .content import content_hash
from .locator import FoundFile, Missing

if TYPE_CHECKING:
    from .find import Walk


class FileLocator:
    """A file or a folder. Raises UsageError for a URL of another machine."""

    scheme: ClassVar[str] = "file"

    def __init__(self, address: str) -> None:
        path = path_of(address) if scheme_of(address) else address
        if path is None:
            raise UsageError("a file URL is file:///path; this one names another machine")
        self.address = path

    def found(self) -> FoundFile | Missing:
        """Return what is there, if it is one file; a folder is not."""
        path = self.address
        try:
            status = os.stat(path)
        except OSError as error:
            return Missing(path, f"{error.strerror}; check the path")
        except ValueError:
            return Missing(path, "a path must not contain a null character; check the path")
        if not stat.S_ISREG(status.st_mode):
            return Missing(path, "not a regular file; name a video or picture, or a folder of them")
        return FoundFile(path, status.st_size, status.st_mtime_ns, (status.st_dev, status.st_ino))

    def exists(self) -> bool:
        """Return whether anything is there."""
        return os.path.exists(self.address)

    def version(self) -> tuple[int, int]:
        """Return bytes and time of change in ns: another once it changed. Raises OSError."""
        status = os.stat(self.address)
        return status.st_size, status.st_mtime_ns

    def folder_identity(self) -> tuple[int, int] | None:
        """Return device and inode of a folder; None if no folder is there."""
        try:
            status = os.stat(self.address)
        except (OSError, ValueError):
            return None
        return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None

    def listing(self, walk: Walk) -> Iterator[FoundFile | Missing]:
        """Yield the file itself, or what `walk` takes of the files under the folder."""
        return walk.under(self.address)

    def content(self) -> str:
        """Return the hash of its bytes. Raises OSError."""
        return content_hash(self.address)

    def open(self) -> BinaryIO:
        """Open it for reading. Raises OSError."""
        return open(self.address, "rb")

    def local_path(self) -> str:
        """Return its absolute path: the reader process works in another folder."""
        return os.path.abspath(self.address)
