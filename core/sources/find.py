"""Finding sources: paths, folders and globs into a list of files, in natural order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..errors import UsageError
from ..protocol.addresses import absolute
from ..protocol.passed_over import Tally
from .file_locator import FileLocator
from .locator import FoundFile, Locator, Missing, locate


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
SYSTEM_FOLDERS = frozenset(
    name.casefold()
    for name in (
        # Synology (the first four are excluded by its own Drive client), QNAP
        "@eaDir", "#recycle", "@tmp", "@sharebin", "#snapshot", "@sharesnap",
        "@Recycle", "@Recently-Snapshot", "@Transcode",
        "~snapshot",  # NetApp
        "$RECYCLE.BIN", "RECYCLER", "System Volume Information", "FOUND.000",  # Windows
        "__MACOSX", "Network Trash Folder", "Temporary Items",  # macOS, in archives and on shares
        "lost+found",  # ext2 to ext4
    )
)  # fmt: skip
"""folders in which NAS and desktop systems keep deleted files, earlier versions and thumbnails"""


def find(
    paths: Iterable[str], globs: tuple[str, ...] = (), *, follow_links: bool = False,
    tally: Tally | None = None,
) -> Iterator[FoundFile | Missing]:  # fmt: skip
    """Yield every source under `paths` (paths and URLs), each file once.

    A folder is walked whole, each folder once, and gives files with a known ending; a file named
    directly is taken whatever it is called. `globs` keep only files whose name matches one of
    them; one that spells out an ending (`*.dat`) makes that ending known. A link in a folder is
    followed where it leads into one of `paths`, or with `follow_links`. `tally` counts what is
    passed over: links, system folders and files of other kinds.
    """
    named = [_located(path) for path in paths]
    folders = [each.address for each in named if not isinstance(each, Missing)]
    walk = Walk(globs, Links.of(folders, follow=follow_links), tally or Tally())
    seen: set[object] = set()
    for each in named:
        for found in [each] if isinstance(each, Missing) else each.listing(walk):
            key = found.identity if isinstance(found, FoundFile) else found.path
            if key not in seen:
                seen.add(key)
                yield found


def _located(path: str) -> Locator | Missing:
    address = absolute(path)
    try:
        return locate(address)
    except UsageError as error:
        return Missing(address, str(error))


@dataclass(frozen=True, slots=True)
class Links:
    """Which links are followed: all, or those that lead into a path that was named."""

    follow: bool
    real: frozenset[str] = frozenset()
    """the paths named, without links in them"""

    @classmethod
    def of(cls, named: Iterable[str], *, follow: bool) -> Links:
        """Return the rule for paths named by the user. Nothing has to be there."""
        return cls(follow, frozenset(_real(path) for path in named))

    def allow(self, path: str) -> bool:
        """Return whether a link in a folder may be followed."""
        if self.follow:
            return True
        real = _real(path)
        return any(_is_inside(real, root) for root in self.real)

    def is_named(self, path: str) -> bool:
        """Return whether a path is one of those the user named."""
        return _real(path) in self.real


@dataclass
class Walk:
    """A walk through folders; what it has walked is not walked again."""

    globs: tuple[str, ...]
    links: Links
    tally: Tally
    folders: list[str] = field(default_factory=list)
    """every folder that was walked, in order"""
    _walked: set[tuple[int, int]] = field(default_factory=set)

    def under(self, path: str) -> Iterator[FoundFile | Missing]:
        """Yield what an absolute path stands for: itself, or what lies in it."""
        # Not resolved: a linked file keeps the name the user knows it by.
        if os.path.isdir(path):
            yield from self._walk(path)
        else:
            yield FileLocator(path).found()

    def _walk(self, top: str) -> Iterator[FoundFile | Missing]:
        """Yield the files under a folder, sub-folders in name order among the files."""
        # No recursion: folders may lie deeper in each other than Python calls may.
        open_folders = [iter(self._entries(top))]
        while open_folders:
            entry = next(open_folders[-1], None)
            if entry is None:
                open_folders.pop()
            elif isinstance(entry, Missing):
                yield entry
            elif entry.is_symlink() and not self.links.allow(entry.path):
                self.tally.link(entry.path)
            elif _is_folder(entry):
                if self._enters(entry):
                    open_folders.append(iter(self._entries(entry.path)))
            elif self._wants(entry.name):
                yield FileLocator(entry.path).found()

    def _entries(self, folder: str) -> Sequence[os.DirEntry[str] | Missing]:
        try:
            identity = FileLocator(folder).folder_identity()
            if identity is not None and identity in self._walked:
                return []
            with os.scandir(folder) as entries:
                shown = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            return [Missing(folder, f"folder cannot be read: {error.strerror}")]
        if identity is not None:
            self._walked.add(identity)
        self.folders.append(folder)
        key = _natural()
        return sorted(shown, key=lambda entry: key(entry.name))

    def _enters(self, entry: os.DirEntry[str]) -> bool:
        if not is_system_folder(entry.name) or self.links.is_named(entry.path):
            return True
        self.tally.folder(entry.name)
        return False

    def _wants(self, name: str) -> bool:
        ending = os.path.splitext(name)[1].lower()
        if not matches(name, self.globs):
            return False
        if ending in KNOWN_SUFFIXES or _spells_out(ending, name, self.globs):
            return True
        self.tally.kind(ending)
        return False


def is_system_folder(name: str) -> bool:
    """Return whether a folder is one in which a NAS or desktop system keeps its own files."""
    return name.casefold() in SYSTEM_FOLDERS


def matches(name: str, globs: tuple[str, ...]) -> bool:
    """Return whether a file's name matches one of the patterns; without any, all do."""
    from fnmatch import fnmatch

    return not globs or any(fnmatch(name, glob) for glob in globs)


def _spells_out(ending: str, name: str, globs: tuple[str, ...]) -> bool:
    """Return whether a pattern that matches names the ending, as `*.dat` does."""
    spelled = tuple(glob for glob in globs if os.path.splitext(glob)[1].lower() == ending != "")
    return bool(spelled) and matches(name, spelled)


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path


def _is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))


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
