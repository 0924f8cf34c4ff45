"""What lies in the cache, by whichever tool, and removing it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import EnvironmentFault, UnknownName
from ..text import clean, clean_path
from .disk import disk_errors
from .layout import Folder, is_etag
from .whole import kind_of, lacking


@dataclass(frozen=True, slots=True)
class CachedRevision:
    """One snapshot. `branches` stood at it; `lacking` is empty when it is whole."""

    commit: str
    branches: tuple[str, ...]
    files: int
    size_bytes: int
    lacking: tuple[str, ...]
    kind: str = ""
    """what it is where it is no model that can be loaded: an adapter, GGUF ..."""


@dataclass(frozen=True, slots=True)
class CachedModel:
    """One model's folder. `used` is when a file of it was last read or written (Unix seconds).

    `leftover_bytes` are unfinished files: ours, which the next pull continues
    (`resumable_bytes`), and other tools', which nothing continues.
    """

    repo: str
    size_bytes: int
    used: float
    revisions: tuple[CachedRevision, ...]
    leftover_bytes: int
    resumable_bytes: int
    fault: str = ""
    """why its folder could not be read"""

    @property
    def whole(self) -> bool:
        """Return whether any snapshot is complete."""
        return any(not revision.lacking for revision in self.revisions)

    @property
    def kind(self) -> str:
        """Return what it is if no snapshot is or can become a model that is loaded."""
        kinds = [revision.kind for revision in self.revisions]
        return kinds[-1] if kinds and all(kinds) else ""


def cached(cache: Path) -> list[CachedModel]:
    """Return every model in the cache, by name."""
    if not cache.is_dir():
        return []
    with disk_errors(cache):
        names = sorted(p.name for p in cache.iterdir() if p.name.startswith("models--"))
    return [found for name in names if (found := _readable(cache, _repo(name))) is not None]


def _readable(cache: Path, repo: str) -> CachedModel | None:
    """Return one model; what cannot be read of it hides no other model."""
    try:
        return cached_model(cache, repo)
    except OSError as error:
        return CachedModel(repo, 0, 0.0, (), 0, 0, clean(error.strerror or str(error)))


def cached_model(cache: Path, repo: str) -> CachedModel | None:
    """Return one model, or None if there is nothing of it."""
    folder = Folder(cache, repo)
    if not folder.path.is_dir():
        return None
    left = list(leftovers(folder))
    stats = [found for path in _stored(folder) if (found := _stat(path)) is not None]
    return CachedModel(
        repo,
        sum(stat.st_size for stat in stats),
        max((max(stat.st_atime, stat.st_mtime) for stat in stats), default=0.0),
        tuple(_revision(folder, commit) for commit in folder.commits()),
        _bytes(left),
        _bytes(path for path in left if path.name.endswith(".part")),
    )


def leftovers(folder: Folder) -> Iterator[Path]:
    """Yield unfinished files, ours and other tools'."""
    for path in _files(folder.blobs):
        if path.name.endswith((".part", ".incomplete")):
            yield path


def clean_leftovers(folder: Folder, *, resumable: bool = False) -> int:
    """Remove unfinished files that nothing continues, and ours too if `resumable`; return bytes.

    Raises EnvironmentFault while a process fetches the model.
    """
    _not_busy(folder)
    removed = 0
    for path in list(leftovers(folder)):
        if resumable or not path.name.endswith(".part"):
            with disk_errors(path):
                removed += path.stat().st_size
                path.unlink(missing_ok=True)
    return removed


def remove(cache: Path, repo: str, commit: str = "") -> int:
    """Remove a model, or one commit of it, and return the bytes freed.

    Blobs that another snapshot links to stay. Raises UnknownName if it is not there, and
    EnvironmentFault while a process fetches it.
    """
    folder = Folder(cache, repo)
    model = cached_model(cache, repo)
    if model is None:
        raise UnknownName(f"{clean(repo)} is not in {clean_path(str(cache))}")
    _not_busy(folder)
    others = [name for name in folder.commits() if name != commit]
    if not commit or not others:
        with disk_errors(folder.path):
            _remove_tree(folder.path)
        return model.size_bytes + model.leftover_bytes
    if commit not in folder.commits():
        raise UnknownName(
            f"{clean(repo)} is not on this disk at {commit}; `models show` lists "
            "the commits that are"
        )
    return _remove_commit(folder, commit)


def _remove_commit(folder: Folder, commit: str) -> int:
    before = _bytes(_stored(folder))
    with disk_errors(folder.path):
        _remove_tree(folder.snapshot(commit))
        folder.checksums(commit).unlink(missing_ok=True)
        for branch, at in folder.branches().items():
            if at == commit:
                (folder.refs / branch).unlink(missing_ok=True)
        kept = {os.path.realpath(path) for c in folder.commits() for path in
                _files(folder.snapshot(c))}  # fmt: skip
        for blob in _files(folder.blobs):
            if os.path.realpath(blob) not in kept:
                blob.unlink(missing_ok=True)
    return before - _bytes(_stored(folder))


def _remove_tree(path: Path) -> None:
    """Remove a folder; a link in its place loses only itself."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)


def _not_busy(folder: Folder) -> None:
    if folder.busy():
        raise EnvironmentFault(
            f"{clean(folder.repo)} is being downloaded by another process; wait for it, or stop "
            "it first"
        )


def _revision(folder: Folder, commit: str) -> CachedRevision:
    snapshot = folder.snapshot(commit)
    files = [path for path in _files(snapshot) if path.is_file()]
    absent = lacking(snapshot)
    what = kind_of(snapshot) if absent else None
    return CachedRevision(
        commit,
        tuple(branch for branch, at in folder.branches().items() if at == commit),
        len(files),
        _bytes(files),
        absent,
        what.is_ if what else "",
    )


def _stored(folder: Folder) -> Iterator[Path]:
    """Yield the files that take space: blobs, and files of snapshots that are not links."""
    yield from (path for path in _files(folder.blobs) if is_etag(path.name))
    yield from (path for path in _files(folder.snapshots) if not path.is_symlink())


def _stat(path: Path) -> os.stat_result | None:
    """Return a file's facts, or None where a blob is a link to what is gone."""
    try:
        return path.stat()
    except OSError:
        return None


def _bytes(paths: Iterable[Path]) -> int:
    return sum(found.st_size for path in paths if (found := _stat(path)) is not None)


def _files(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        yield from (Path(above) / name for name in sorted(names))


def _repo(name: str) -> str:
    return name.removeprefix("models--").replace("--", "/", 1)
