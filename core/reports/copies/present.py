"""The files of a library that are compared: those that are as they were when they were read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import UnknownName
from ...protocol.addresses import absolute
from ...storage.library import Library
from ...storage.media_files import MediaFile
from ...text import clean_path


@dataclass
class PresentFiles:
    """Files that are compared, and how many were left out."""

    files: list[MediaFile]
    changed: int = 0
    linked: int = 0


def present_files(library: Library, paths: Sequence[str], scan: int | None) -> PresentFiles:
    """Return the files in scope, one for each file on the disk.

    Deleting one of two names of the same file would free nothing, or break a link: so of hard and
    symbolic links only one name is compared. Raises UnknownName for a path or scan that the library
    does not have.
    """
    wanted = files_in_scope(library, paths, scan)
    found, seen = PresentFiles([]), set[tuple[int, int]]()
    for file in sorted(wanted, key=lambda each: (os.path.islink(each.path), each.path)):
        status = _unchanged(file)
        if status is None:
            found.changed += 1
        elif (status.st_dev, status.st_ino) in seen:
            found.linked += 1
        else:
            seen.add((status.st_dev, status.st_ino))
            found.files.append(file)
    found.files.sort(key=lambda each: each.path)
    return found


def files_in_scope(library: Library, paths: Sequence[str], scan: int | None) -> list[MediaFile]:
    """Return the files of the library under some paths, of a scan, or all. Raises UnknownName."""
    roots = [absolute(path) for path in paths]
    files = library.media.all()
    if scan is not None:
        library.runs.get(scan)
        of_scan = library.media.of_scan(scan)
        files = [each for each in files if each.path in of_scan]
    for root in roots:
        if not any(_under(each.path, root) for each in files):
            raise UnknownName(
                f"{clean_path(root)}: nothing there is in this library; scan it first: "
                "sightline scan PATH --profile quick"
            )
    return [each for each in files if not roots or any(_under(each.path, r) for r in roots)]


def _under(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _unchanged(file: MediaFile) -> os.stat_result | None:
    """Return the status of a file that is as it was when it was read; None for another."""
    try:
        status = os.stat(file.path)
    except (OSError, ValueError):
        return None
    same = (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.mtime_ns)
    return status if same else None
