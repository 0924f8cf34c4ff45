"""Where a source is and how it is reached: the only place that knows more than its address.

A scheme (`file`) has one class of locators. The reader process is given a path on this machine, so
each can say where its source lies here, fetching a copy first where it must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Protocol

from ..errors import UnknownName, UsageError
from ..plugins.registry import Registry
from ..protocol.addresses import scheme_of

if TYPE_CHECKING:
    from .find import Walk


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One source worth reading, with what its place says of it."""

    path: str
    """its address; for files their path"""
    size_bytes: int
    mtime_ns: int
    identity: tuple[int, int]
    """device and inode of a file: the same for all names of one file"""

    @property
    def version(self) -> tuple[int, int]:
        """Return size and time of change: what shows that it is unchanged."""
        return self.size_bytes, self.mtime_ns


@dataclass(frozen=True, slots=True)
class Missing:
    """An address that was asked for and cannot be read."""

    path: str
    reason: str


class Locator(Protocol):
    """One address. Nothing is opened or asked before a method is called."""

    scheme: ClassVar[str]
    address: str

    def found(self) -> FoundFile | Missing:
        """Return what is there, if it is one source; a folder is not."""

    def exists(self) -> bool:
        """Return whether anything is there."""

    def version(self) -> tuple[int, int]:
        """Return bytes and time of change in ns: another once it changed. Raises OSError."""

    def folder_identity(self) -> tuple[int, int] | None:
        """Return what identifies a folder; None if no folder is there."""

    def listing(self, walk: Walk) -> Iterator[FoundFile | Missing]:
        """Yield what the address stands for: itself, or what `walk` takes of what lies in it."""

    def content(self) -> str:
        """Return the content's identity (see `content_hash`). Raises OSError."""

    def open(self) -> BinaryIO:
        """Open it for reading. Raises OSError."""

    def local_path(self) -> str:
        """Return a path on this machine under which it can be read. Raises SourceError."""


LocatorFactory = Callable[[str], Locator]
SCHEMES: Registry[LocatorFactory] = Registry(
    "source scheme", "sightline.sources", {"file": "core.sources.file_locator:FileLocator"}
)


def locate(address: str) -> Locator:
    """Return the locator of a path or a URL. Raises UsageError for what no scheme can reach.

    What is there as a file is a file, also where its name looks like a URL.
    """
    scheme = scheme_of(address) or "file"
    try:
        factory = SCHEMES.load(scheme)
    except UnknownName as error:
        raise UsageError(f"{error}; copy it to this machine and name the file") from error
    return factory(address)


def find_one(address: str) -> FoundFile | Missing:
    """Return what an address names, if it is one source; a folder is not looked into."""
    try:
        return locate(address).found()
    except UsageError as error:
        return Missing(address, str(error))
