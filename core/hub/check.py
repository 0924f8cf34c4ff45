"""Reading a model's files again and comparing them with their checksums."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .control import Control, checkpoint
from .disk import disk_errors
from .fetch import new_hash
from .layout import is_etag
from .resolved import Resolved
from .whole import lacking, read_json

_READ_BYTES = 1 << 20

Fault = Literal["damaged", "missing", "unchecked"]


@dataclass(frozen=True, slots=True)
class FileFault:
    """One file that is not as it should be; `unchecked` has no checksum to compare with."""

    path: str
    fault: Fault
    blob: Path | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What re-reading a model found."""

    files: int
    size_bytes: int
    faults: tuple[FileFault, ...]

    @property
    def unchecked(self) -> bool:
        """Return whether a file had no checksum to compare with."""
        return any(fault.fault == "unchecked" for fault in self.faults)

    @property
    def sound(self) -> bool:
        """Return whether nothing is damaged or missing."""
        return all(fault.fault == "unchecked" for fault in self.faults)


def check(
    resolved: Resolved, snapshot: Path, control: Control, progress: Callable[[int, int], None]
) -> Checked:
    """Re-read every file of a snapshot. `progress` gets bytes read and bytes in all.

    Raises Interrupted when cancelled, EnvironmentFault when the disk fails.
    """
    files = sorted(path for path in _files(snapshot))
    noted = _noted(snapshot)
    sizes = {path: path.stat().st_size for path in files if path.is_file()}
    total, read = sum(sizes.values()), 0
    faults = [
        FileFault(name, "missing")
        for name in lacking(snapshot, resolved.family, weights=resolved.weights)
    ]
    for path in files:
        fault = _fault(snapshot, path, control, noted)
        read += sizes.get(path, 0)
        progress(read, total)
        faults += [fault] if fault else []
    return Checked(len(files), total, tuple(faults))


def _files(snapshot: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(snapshot):
        yield from (Path(folder) / name for name in names)


def _noted(snapshot: Path) -> dict[str, str]:
    """Return the etags of files that are not links, as they were noted when they were stored."""
    body = read_json(snapshot.parent.parent / "checksums" / f"{snapshot.name}.json") or {}
    return {path: etag for path, etag in body.items() if isinstance(etag, str) and is_etag(etag)}


def _fault(
    snapshot: Path, path: Path, control: Control, noted: Mapping[str, str]
) -> FileFault | None:
    name = path.relative_to(snapshot).as_posix()
    blob = Path(os.path.realpath(path))
    if not blob.is_file():
        return FileFault(name, "missing")
    etag = blob.name if path.is_symlink() and is_etag(blob.name) else noted.get(name, "")
    if not etag:
        return FileFault(name, "unchecked")
    sound = _digest(blob, etag, control) == etag
    return None if sound else FileFault(name, "damaged", blob)


def _digest(blob: Path, etag: str, control: Control) -> str:
    with disk_errors(blob), blob.open("rb") as file:
        digest = new_hash(blob.stat().st_size, large=len(etag) == 64)
        while piece := file.read(_READ_BYTES):
            checkpoint(control)
            digest.update(piece)
    return digest.hexdigest()
