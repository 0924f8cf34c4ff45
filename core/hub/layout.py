"""Where things lie in the hub's cache, the same for every tool that uses it.

models--ORG--NAME/blobs/ETAG               the bytes of a file
                  blobs/ETAG.part          what came of it so far (ours)
                  refs/main                the commit a branch stood at
                  snapshots/COMMIT/PATH    a link to a blob, or the file itself
                  checksums/COMMIT.json    etags of files that are not links, by path (ours)
.locks/models--ORG--NAME/ETAG.lock         held while a blob is written
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import ModelRefused
from ..text import clean, clean_path
from .control import Control, checkpoint
from .disk import FULL, disk_errors
from .environment import symlinks_disabled

if TYPE_CHECKING:
    from filelock import BaseFileLock

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOCK_SECONDS = 0.1


def is_commit(text: str) -> bool:
    """Return whether a revision is a full commit."""
    return _COMMIT.fullmatch(text) is not None


def is_etag(text: str) -> bool:
    """Return whether a text is a checksum, and so may be a file's name in `blobs`."""
    return _ETAG.fullmatch(text) is not None


def safe_path(repo: str, path: str) -> str:
    """Return a path of a listing if it stays inside the snapshot. Raises ModelRefused."""
    parts = path.split("/")
    sound = path == clean(path, limit=1000) and not any(
        part in ("", ".", "..") or len(part.encode()) > 255 for part in parts
    )
    if not sound or "\\" in path or ":" in path or PurePosixPath(path).is_absolute():
        raise ModelRefused(
            f"{clean(repo)} lists a file '{clean_path(path)}' that must not be written; "
            "the model was refused and nothing was downloaded"
        )
    return path


class Folder:
    """One model's folder in the cache."""

    def __init__(self, cache: Path, repo: str) -> None:
        self.repo = repo
        name = "models--" + repo.replace("/", "--")
        self.path = cache / name
        self.blobs = self.path / "blobs"
        self.snapshots = self.path / "snapshots"
        self.refs = self.path / "refs"
        self._locks = cache / ".locks" / name

    def snapshot(self, commit: str) -> Path:
        """Return the folder of a commit's files, there or not."""
        return self.snapshots / commit

    def blob(self, etag: str) -> Path:
        """Return where a file's bytes lie once whole."""
        return self.blobs / etag

    def part(self, etag: str) -> Path:
        """Return where a file's bytes gather."""
        return self.blobs / f"{etag}.part"

    def commits(self) -> list[str]:
        """Return the commits there are snapshots of, whole or not."""
        if not self.snapshots.is_dir():
            return []
        return sorted(entry.name for entry in self.snapshots.iterdir() if is_commit(entry.name))

    def ref(self, branch: str) -> str | None:
        """Return the commit a branch or tag stood at when it was last asked for."""
        try:
            commit = (self.refs / branch).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return commit if is_commit(commit) else None

    def branches(self) -> dict[str, str]:
        """Return every branch and tag known here with its commit."""
        if not self.refs.is_dir():
            return {}
        names = [p.relative_to(self.refs).as_posix() for p in self.refs.rglob("*") if p.is_file()]
        found = {name: self.ref(name) for name in sorted(names)}
        return {name: commit for name, commit in found.items() if commit}

    def set_ref(self, branch: str, commit: str) -> None:
        """Note where a branch stands. Raises DiskFull or EnvironmentFault."""
        if self.ref(branch) == commit:
            return
        path = self.refs / branch
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            temporary.write_text(commit, encoding="ascii")
            temporary.replace(path)

    def place(self, commit: str, files: Sequence[tuple[str, str]]) -> None:
        """Let each file (path, etag) of a snapshot be a link to its blob, or the blob itself.

        The latter where links cannot be made or are switched off, as huggingface_hub does it: a
        blob that no other file needs is moved, else copied. Raises DiskFull or EnvironmentFault.
        """
        linked = not symlinks_disabled()
        whole: dict[str, str] = {}
        for number, (path, etag) in enumerate(files):
            if linked and self._linked(commit, path, etag):
                continue
            linked = False
            shared = any(etag == later for _, later in files[number + 1 :])
            self._stored_whole(commit, path, etag, shared=shared)
            whole[path] = etag
        if whole:
            self._note_checksums(commit, whole)

    def checksums(self, commit: str) -> Path:
        """Return where the etags of a commit's files that are not links are noted."""
        return self.path / "checksums" / f"{commit}.json"

    def _note_checksums(self, commit: str, etags: dict[str, str]) -> None:
        """Note what a link's target would say by its name."""
        path = self.checksums(commit)
        with disk_errors(path):
            path.parent.mkdir(exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            temporary.write_text(json.dumps(etags, indent=1), encoding="utf-8")
            temporary.replace(path)

    def whole_copy(self, commit: str, path: str, size_bytes: int) -> bool:
        """Return whether a snapshot has a file itself, rather than a link to its blob."""
        pointer = self.snapshot(commit) / path
        try:
            found = pointer.lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == size_bytes

    def whole_copies(self, commit: str, path: str, size_bytes: int) -> Iterator[Path]:
        """Yield files of other commits that may have the same bytes, not being links."""
        for other in self.commits():
            if other != commit and self.whole_copy(other, path, size_bytes):
                yield self.snapshot(other) / path

    def _linked(self, commit: str, path: str, etag: str) -> bool:
        """Make a link; return false where the file system has none."""
        pointer = self.snapshot(commit) / path
        target = os.path.relpath(self.blob(etag), pointer.parent)
        with disk_errors(pointer):
            pointer.parent.mkdir(parents=True, exist_ok=True)
            if not self.blob(etag).is_file() and pointer.is_file():
                return True  # stored whole by an earlier pull
            if pointer.is_symlink() and os.readlink(pointer) == target:
                return True
            temporary = pointer.with_name(f".{pointer.name}.{os.getpid()}"[-255:])
            try:
                os.symlink(target, temporary)
            except (OSError, NotImplementedError) as error:
                if getattr(error, "errno", None) in FULL:
                    raise
                return False
            temporary.replace(pointer)
        return True

    def _stored_whole(self, commit: str, path: str, etag: str, *, shared: bool) -> None:
        blob, pointer = self.blob(etag), self.snapshot(commit) / path
        with disk_errors(pointer):
            pointer.parent.mkdir(parents=True, exist_ok=True)
            if pointer.is_file() and (pointer.is_symlink() or not blob.is_file()):
                return
            temporary = pointer.with_name(f".{pointer.name}.{os.getpid()}"[-255:])
            if shared or self._is_linked_to(blob):
                shutil.copyfile(blob, temporary)
                temporary.replace(pointer)
            else:
                blob.replace(pointer)

    def _is_linked_to(self, blob: Path) -> bool:
        """Return whether a file of any snapshot is a link to a blob."""
        target = os.path.realpath(blob)
        inside = (Path(above) / n for above, _, names in os.walk(self.snapshots) for n in names)
        return any(p.is_symlink() and os.path.realpath(p) == target for p in inside)

    @contextmanager
    def locked(self, etag: str, control: Control, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold a blob's lock, which other tools of the hub take too.

        Raises Interrupted when cancelled while waiting.
        """
        path = self._locks / f"{etag}.lock"
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        lock = file_lock(path)
        while True:
            checkpoint(control)
            try:
                if acquired(lock, path, _LOCK_SECONDS):
                    break
            except NotImplementedError:  # a network file system without locks
                lock = file_lock(path, soft=True)
                continue
            on_wait()
        try:
            yield
        finally:
            lock.release()

    def busy(self) -> bool:
        """Return whether a process is writing one of this model's blobs.

        Raises EnvironmentFault where that cannot be found out, as in a cache that is read-only.
        """
        for path in self._locks.glob("*.lock"):
            lock = file_lock(path)
            try:
                if not acquired(lock, path, 0):
                    return True
            except NotImplementedError:
                continue
            lock.release()
        return False


def acquired(lock: BaseFileLock, path: Path, seconds: float) -> bool:
    """Return whether a lock was free within so many seconds. Raises EnvironmentFault."""
    from filelock import Timeout

    with disk_errors(path):
        try:
            lock.acquire(timeout=seconds)
        except Timeout:  # an OSError too
            return False
    return True


def file_lock(path: Path, *, soft: bool = False) -> BaseFileLock:
    """Return a lock that other tools of the hub take too; a `soft` one is a file that exists."""
    from filelock import FileLock, SoftFileLock

    return (SoftFileLock if soft else FileLock)(path, mode=0o664)
