"""Finding sources: paths, folders and globs into a list of files, in natural order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .mts .m2ts .wmv .flv .3gp .ogv .mxf .vob .asf "
    ".divx .f4v .dav .h264 .h265 .hevc .y4m".split()
)
RAW_SUFFIXES = frozenset(".cr2 .cr3 .nef .arw .dng .orf .rw2 .raf .pef .srw".split())
PICTURE_SUFFIXES = RAW_SUFFIXES | frozenset(
    ".jpg .jpeg .jpe .png .gif .webp .tif .tiff .bmp .heic .heif .hif .avif .jp2 .j2k .ppm .pgm "
    ".pbm .pnm .tga .ico .mpo .jfif .apng .qoi".split()
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

    A folder is walked whole (links followed, circles left out) and gives files with a known
    ending; a file named directly is taken whatever it is called. `globs` keep only files whose
    name matches one of them.
    """
    seen: set[object] = set()
    for path in paths:
        for found in _under(path, globs):
            key = found.identity if isinstance(found, Found) else found.path
            if key not in seen:
                seen.add(key)
                yield found


def _under(path: str, globs: tuple[str, ...]) -> Iterator[Found | Missing]:
    # Absolute but not resolved: a linked file keeps the name the user knows it by.
    absolute = os.path.abspath(os.path.expanduser(path))
    if os.path.isdir(absolute):
        yield from _walk(absolute, globs, set())
        return
    yield _found(absolute)


def _walk(folder: str, globs: tuple[str, ...], above: set[tuple[int, int]]) -> Iterator[Found | Missing]:
    from natsort import os_sort_key

    try:
        status = os.stat(folder)
        entries = sorted(os.scandir(folder), key=lambda entry: os_sort_key(entry.name))
    except OSError as error:
        yield Missing(folder, f"folder cannot be read: {error.strerror}")
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry.path, globs, above | {here})
        elif _wanted(entry.name, globs):
            yield _found(entry.path)


def _wanted(name: str, globs: tuple[str, ...]) -> bool:
    if globs:
        from fnmatch import fnmatch

        return any(fnmatch(name, pattern) for pattern in globs)
    return os.path.splitext(name)[1].lower() in KNOWN_SUFFIXES


def _found(path: str) -> Found | Missing:
    try:
        status = os.stat(path)
    except OSError as error:
        return Missing(path, f"{error.strerror}; check the path")
    if not os.path.isfile(path):
        return Missing(path, "not a regular file")
    return Found(path, status.st_size, status.st_mtime_ns, (status.st_dev, status.st_ino))
