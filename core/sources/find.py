"""Finding sources: paths, folders and globs into a list of files, in natural order."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any


def _endings(text: str) -> frozenset[str]:
    return frozenset(f".{ending}" for ending in text.split())


VIDEO_SUFFIXES = _endings(
    "mp4 m4v mov mkv webm avi mpg mpeg ts mts m2ts wmv flv 3gp ogv mxf vob asf divx f4v dav h264 "
    "h265 hevc y4m"
)
RAW_SUFFIXES = _endings("cr2 cr3 nef arw dng orf rw2 raf pef srw")
PICTURE_SUFFIXES = RAW_SUFFIXES | _endings(
    "jpg jpeg jpe png gif webp tif tiff bmp heic heif hif avif jp2 j2k ppm pgm pbm pnm tga ico mpo "
    "jfif apng qoi"
)
KNOWN_SUFFIXES = VIDEO_SUFFIXES | PICTURE_SUFFIXES


@dataclass(frozen=True, slots=True)
class Found:
    """One file worth reading, with what the directory says of it."""

    path: str
    size_bytes: int
    mtime_ns: int
    identity: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Missing:
    """A path that was asked for and cannot be looked at."""

    path: str
    reason: str


def find(paths: Iterable[str], globs: tuple[str, ...] = ()) -> Iterator[Found | Missing]:
    """Yield every source under `paths`, each file once.

    A folder is walked whole, links followed, each folder once, and gives files with a known
    ending; a file named directly is taken whatever it is called. `globs` keep only files whose
    name matches one of them; one that spells out an ending (`*.dat`) makes that ending known.
    """
    seen: set[object] = set()
    walked: set[tuple[int, int]] = set()
    for path in paths:
        for found in _under(path, globs, walked):
            key = found.identity if isinstance(found, Found) else found.path
            if key not in seen:
                seen.add(key)
                yield found


def _under(
    path: str, globs: tuple[str, ...], walked: set[tuple[int, int]]
) -> Iterator[Found | Missing]:
    # Absolute but not resolved: a linked file keeps the name the user knows it by.
    absolute = os.path.abspath(os.path.expanduser(path))
    if os.path.isdir(absolute):
        yield from _walk(absolute, globs, walked)
        return
    yield one_file(absolute)


def _walk(
    top: str, globs: tuple[str, ...], walked: set[tuple[int, int]]
) -> Iterator[Found | Missing]:
    """Yield the files under a folder, sub-folders where their names stand among the files."""
    # No recursion: folders may lie deeper in each other than Python calls may.
    open_folders = [iter(_entries(top, walked))]
    while open_folders:
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
        elif isinstance(entry, Missing):
            yield entry
        elif _is_folder(entry):
            open_folders.append(iter(_entries(entry.path, walked)))
        elif _wanted(entry.name, globs):
            yield one_file(entry.path)


def _entries(folder: str, walked: set[tuple[int, int]]) -> Sequence[os.DirEntry[str] | Missing]:
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in walked:
            return []
        walked.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        return [Missing(folder, f"folder cannot be read: {error.strerror}")]
    key = _natural()
    return sorted(shown, key=lambda entry: key(entry.name))


@cache
def _natural() -> Callable[[str], Any]:
    """Return what sorts names as people do, numbers by their value, alike on every machine."""
    from natsort import natsort_keygen, ns

    key: Callable[[str], Any] = natsort_keygen(alg=ns.IGNORECASE)
    return key


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, for one; as a file it gets its reason
        return False


def _wanted(name: str, globs: tuple[str, ...]) -> bool:
    from fnmatch import fnmatch

    ending = os.path.splitext(name)[1].lower()
    known = ending in KNOWN_SUFFIXES
    if not globs:
        return known
    spelled = (known or os.path.splitext(glob)[1].lower() == ending != "" for glob in globs)
    return any(ok and fnmatch(name, glob) for ok, glob in zip(spelled, globs, strict=True))


def one_file(path: str) -> Found | Missing:
    """Return what a path names, if it is a file; a folder is not looked into."""
    try:
        status = os.stat(path)
    except OSError as error:
        return Missing(path, f"{error.strerror}; check the path")
    except ValueError:
        return Missing(path, "no path may hold a null character; check the path")
    if not stat.S_ISREG(status.st_mode):
        return Missing(path, "not a regular file; name a video or picture, or a folder of them")
    return Found(path, status.st_size, status.st_mtime_ns, (status.st_dev, status.st_ino))
