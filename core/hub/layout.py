"""Where things lie in the hub's cache, the same for every tool that uses it.

models--ORG--NAME/blobs/ETAG               the bytes of a file
                  blobs/ETAG.part          what came of it so far (ours)
                  refs/main                the commit a branch stood at
                  snapshots/COMMIT/PATH    a link to a blob
.locks/models--ORG--NAME/ETAG.lock         held while a blob is written
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import ModelRefused
from ..text import clean, clean_path
from .control import Control, checkpoint
from .disk import disk_errors

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

    def link(self, commit: str, path: str, etag: str) -> None:
        """Let a snapshot's file be a link to its blob. Raises DiskFull or EnvironmentFault."""
        pointer = self.snapshot(commit) / path
        target = os.path.relpath(self.blob(etag), pointer.parent)
        with disk_errors(pointer):
            pointer.parent.mkdir(parents=True, exist_ok=True)
            if pointer.is_symlink() and os.readlink(pointer) == target:
                return
            temporary = pointer.with_name(f".{pointer.name}.{os.getpid()}"[-255:])
            os.symlink(target, temporary)
            temporary.replace(pointer)

    @contextmanager
    def locked(self, etag: str, control: Control, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold a blob's lock, which other tools of the hub take too.

        Raises Interrupted when cancelled while waiting.
        """
        from filelock import FileLock, Timeout

        path = self._locks / f"{etag}.lock"
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, mode=0o664)
        while True:
            checkpoint(control)
            try:
                lock.acquire(timeout=_LOCK_SECONDS)
                break
            except Timeout:
                on_wait()
        try:
            yield
        finally:
            lock.release()

    def busy(self) -> bool:
        """Return whether a process is writing one of this model's blobs."""
        from filelock import FileLock, Timeout

        for path in self._locks.glob("*.lock"):
            lock = FileLock(path, mode=0o664)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return True
            lock.release()
        return False
