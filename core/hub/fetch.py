"""Fetching one file: on from where it stopped, checked before it counts."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import DownloadFailed
from ..text import clean, counted
from .control import Control, checkpoint
from .disk import disk_errors
from .faults import TransientFault
from .file_faults import is_pointer
from .layout import Folder
from .listing import RemoteFile
from .progress import DownloadCounter
from .wire import Wire

if TYPE_CHECKING:
    import httpx

_READ_BYTES = 1 << 20


def new_hash(size_bytes: int, *, large: bool) -> hashlib._Hash:
    """Return the running checksum a file's etag is made with.

    A large file's is SHA-256 of its bytes, a small one's SHA-1 as git makes it of a blob.
    """
    if large:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)


class FilePart:
    """What has come of a file, with the checksum of exactly that."""

    def __init__(self, path: Path, file: RemoteFile) -> None:
        self.path = path
        self._file = file
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what a killed process had received must be in the file.
            self._out: BinaryIO = open(  # noqa: SIM115
                os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0
            )
        self.have = 0
        self._hash = new_hash(file.size_bytes, large=file.large)

    def read(self, control: Control) -> None:
        """Take up what an earlier run left. Raises Interrupted when cancelled."""
        with disk_errors(self.path):
            if self.path.stat().st_size > self._file.size_bytes:
                self.restart()
            while piece := self._out.read(_READ_BYTES):
                checkpoint(control)
                self._hash.update(piece)
                self.have += len(piece)

    def write(self, piece: bytes) -> None:
        """Append what came. Raises DiskFull or EnvironmentFault."""
        with disk_errors(self.path):
            view = memoryview(piece)
            while view:
                written = self._out.write(view)
                view = view[written:]
        self._hash.update(piece)
        self.have += len(piece)

    def head(self) -> bytes:
        """Return the first bytes of what came."""
        with disk_errors(self.path), self.path.open("rb") as file:
            return file.read(64)

    def restart(self) -> None:
        """Throw away what came."""
        with disk_errors(self.path):
            self._out.seek(0)
            self._out.truncate()
        self.have = 0
        self._hash = new_hash(self._file.size_bytes, large=self._file.large)

    def sound(self) -> bool:
        """Return whether all of it came and has the right checksum."""
        same_size = self.have == self._file.size_bytes
        return same_size and self._hash.hexdigest() == self._file.etag

    def keep(self, blob: Path) -> None:
        """Make it the blob; it is on the disk, not only in memory, before it has that name."""
        with disk_errors(self.path):
            os.fsync(self._out.fileno())
            self._out.close()
            os.replace(self.path, blob)

    def discard(self) -> None:
        """Leave nothing of it."""
        with disk_errors(self.path):
            self._out.close()
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave it for the next run."""
        self._out.close()


class Fetch:
    """One file on its way into the cache."""

    def __init__(
        self, file: RemoteFile, folder: Folder, commit: str, wire: Wire, control: Control,
        tally: DownloadCounter,
    ) -> None:  # fmt: skip
        self._file = file
        self._folder = folder
        self._wire = wire
        self._control = control
        self._tally = tally
        self._commit = commit
        self._path = wire.file_path(folder.repo, commit, file.path)
        self._asked = wire.asked(folder.repo, commit, file.path)
        self._from_start = False

    def run(self) -> None:
        """Fetch what is missing of it, and check it.

        Raises DownloadFailed, DiskFull, ModelMissing, or Interrupted when cancelled; except after
        a wrong checksum, what came stays.
        """
        file = self._file
        blob = self._folder.blob(file.etag)
        with self._folder.locked(file.etag, self._control, self._held):
            # Another process may have fetched it while its lock was waited for.
            whole = whole_blob(blob, file.size_bytes)
            if not whole and not self._folder.whole_copy(self._commit, file.path, file.size_bytes):
                self._into(blob)
        self._tally.at(file.path, file.size_bytes)
        self._tally.state(file.path, "done")

    def _into(self, blob: Path) -> None:
        self._tally.state(self._file.path, "checking")
        part = FilePart(self._folder.part(self._file.etag), self._file)
        try:
            part.read(self._control)
            self._tally.at(self._file.path, part.have)
            self._tally.state(self._file.path, "fetching")
            if not part.have:
                self._copy(part)
            if part.have < self._file.size_bytes:
                self._wire.with_retries(
                    lambda: self._receive(part), self._asked, got=lambda: part.have
                )
            self._judge(part)
            part.keep(blob)
        finally:
            part.close()

    def _copy(self, part: FilePart) -> None:
        """Take the bytes from another commit that has them as a file, if it does."""
        file = self._file
        for path in self._folder.whole_copies(self._commit, file.path, file.size_bytes):
            with disk_errors(path), path.open("rb") as source:
                while piece := source.read(_READ_BYTES):
                    checkpoint(self._control)
                    part.write(piece)
            if part.sound():
                return
            part.restart()

    def _receive(self, part: FilePart) -> None:
        """Receive the rest in one answer. Raises TransientFault when it breaks off."""
        start = 0 if self._from_start else part.have
        with self._wire.stream(self._path, self._asked, start) as response:
            self._align(response, part, start)
            for piece in response.iter_bytes():
                checkpoint(self._control)
                part.write(piece)
                self._tally.came(self._file.path, len(piece))
                if part.have > self._file.size_bytes:
                    self._judge(part)
            complete = response.headers.get("content-length") == str(part.have)
        if part.have < self._file.size_bytes:
            if complete and response.status_code == 200:
                raise self._another_file(part)
            whole = counted(self._file.size_bytes, "byte")
            raise TransientFault(f"the connection ended at {part.have} of {whole}")

    def _another_file(self, part: FilePart) -> DownloadFailed:
        """Discard a whole answer that is shorter than the listing says, and return what it was."""
        what = "a Git LFS pointer" if is_pointer(part.head()) else counted(part.have, "byte")
        part.discard()
        return DownloadFailed(
            f"{clean(self._folder.repo)}: the hub sends {what} instead of "
            f"'{clean(self._file.path)}', which has {counted(self._file.size_bytes, 'byte')}; the "
            "hub or mirror is faulty, so try another one (HF_ENDPOINT)"
        )

    def _align(self, response: httpx.Response, part: FilePart, start: int) -> None:
        """Let the part end where the answer begins, whatever the server made of the range."""
        if response.status_code == 206 and _first_byte(response) == part.have:
            return
        part.restart()
        self._tally.at(self._file.path, 0)
        if start and response.status_code != 200:
            self._from_start = True
            raise TransientFault(f"the hub answers {response.status_code} to a part of a file")

    def _judge(self, part: FilePart) -> None:
        self._tally.state(self._file.path, "checking")
        if part.sound():
            return
        part.discard()
        self._tally.at(self._file.path, 0)
        raise DownloadFailed(
            f"{clean(self._folder.repo)}: '{clean(self._file.path)}' had a wrong checksum "
            "and was discarded; run the same command again; if this repeats, the "
            "hub or mirror is faulty"
        )

    def _held(self) -> None:
        self._tally.state(self._file.path, "held")


def whole_blob(blob: Path, size_bytes: int) -> bool:
    """Return whether a blob is there with the size it should have."""
    try:
        return blob.stat().st_size == size_bytes
    except OSError:
        return False


def _first_byte(response: httpx.Response) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    return int(found[1]) if found else None
