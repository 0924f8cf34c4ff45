"""A file as FFmpeg reads it, which passes over long stretches without a packet.

Where the content is garbage, FFmpeg's demuxers look for the next packet byte by byte, or take
chance bytes for streams: 600 MB cost up to two minutes. So once a file gave no packet for some
MiB, its next structure is searched for (`structure.py`), and FFmpeg is given something in between
that it passes over at once. Positions stay what they are. Where nothing follows, the file ends.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from dataclasses import dataclass

from .structure import MIB, Structure, structure_of, windows

MOST_SEARCHED_MIB = 1024
MOST_LEFT = 1 * MIB
"""longer stretches are not left to FFmpeg, even where its patience is longer"""
LEAST_ZEROS = 32 * MIB
"""so many zeros up to the end of a file are no frame, whatever its format"""
_ZEROS_SEEN = 4 * MIB


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch without structure: from `start` on FFmpeg is led over it.

    `since` is where the last packet before it was read. Positions are in bytes.
    """

    since: int
    start: int
    end: int


@dataclass(slots=True)
class _Known:
    """What was found out about a file, for the next time it is opened."""

    key: tuple[str, int, int]
    holes: list[Hole]
    nonzero_at: int = 0


_LAST: list[_Known] = []


class GuardedFile:
    """What PyAV opens instead of a path. Raises OSError."""

    def __init__(
        self, path: str, beat: Callable[[], None], most_searched_mib: int, begins: int = 0
    ) -> None:
        """`beat` is called while the file is searched; its format shows from `begins` on."""
        self.name = f"file:{path}"
        self.most_searched = most_searched_mib * MIB
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        status = os.fstat(self._file.fileno())
        self.size = status.st_size
        self._beat = beat
        self._known = _known((path, status.st_size, status.st_mtime_ns))
        suffix = os.path.splitext(path)[1].lower()
        self._structure: Structure | None = structure_of(self, suffix, begins)
        self._at = self._packet_at = self._silent = self._read = 0
        self._lead: int | None = None

    @property
    def holes(self) -> list[Hole]:
        """Return the stretches without structure found so far, ascending."""
        return self._known.holes

    @property
    def end(self) -> int:
        """Return where the file ends for its reader."""
        return self.holes[-1].start if self.breaks_off else self.size

    @property
    def breaks_off(self) -> bool:
        """Return whether nothing was found up to the end of the file."""
        return bool(self.holes) and self.holes[-1].end == self.size

    @property
    def empty_rest(self) -> str:
        """Return from where on there is nothing up to the end, or an empty string."""
        return self._in_words(self.holes[-1]) if self.breaks_off else ""

    @property
    def passed_over(self) -> list[str]:
        """Return a warning for each stretch with packets behind it."""
        passed = [hole for hole in self.holes if hole.end < self.size]
        return [f"{self._in_words(hole)}: damaged or overwritten, skipped" for hole in passed]

    def packet_seen(self) -> None:
        """Note that FFmpeg found a packet in what it read."""
        self._silent, self._packet_at = 0, self._at

    def at(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes of the file itself."""
        self._beat()
        return os.pread(self._file.fileno(), count, position)

    def data_from(self, position: int) -> int:
        """Return the next position that is stored, in a sparse file; the size if none is."""
        try:
            return os.lseek(self._file.fileno(), position, os.SEEK_DATA)
        except OSError as error:  # EINVAL: the file system does not report it
            return self.size if error.errno == errno.ENXIO else position

    def read(self, count: int) -> bytes:
        """Return the next bytes, none at the end."""
        if self._hole() is None and self._structure and self._silent > self._structure.patience:
            self._examine(self._structure)
        hole = self._hole()
        if hole is None:
            data = self._plain(count)
            self._silent += len(data)
        else:
            data = b"" if hole.end == self.size else self._filled(hole, count)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.end}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def close(self) -> None:
        """Close the file; may be called again."""
        self._file.close()

    def _in_words(self, hole: Hole) -> str:
        # It may have been found before the first packet was asked for.
        since = hole.since or min(self._packet_at, hole.start)
        end = "the end" if hole.end == self.size else f"byte {hole.end:,}"
        mib = (hole.end - since) / MIB
        return f"from byte {since:,} to {end} ({mib:,.1f} MiB) there are no packets"

    def _hole(self) -> Hole | None:
        return next((hole for hole in self.holes if hole.start <= self._at < hole.end), None)

    def _plain(self, count: int) -> bytes:
        following = min((hole.start for hole in self.holes if hole.start > self._at), default=None)
        if following is not None:
            count = min(count, following - self._at)
        data = os.pread(self._file.fileno(), count, self._at)
        self._read += len(data)
        if self._read >= _ZEROS_SEEN:
            self._read = 0
            if data == bytes(len(data)) and self._at >= self._known.nonzero_at:
                self._look_behind_zeros()
        return data

    def _filled(self, hole: Hole, count: int) -> bytes:
        """Return what stands for a stretch without structure, see `Structure.fill`."""
        assert self._structure is not None
        assert self._structure.fill is not None
        left = hole.end - self._at
        if self._structure.repeats:
            pattern = self._structure.fill(left)
            start = -left % len(pattern)
            return pattern[start : start + min(count, left)]
        # Where it began to be led over it: it may go back, or on to the end of the stretch.
        if self._lead is None or not hole.start <= self._lead <= self._at:
            self._lead = self._at
        head = self._structure.fill(hole.end - self._lead)
        return head[self._at - self._lead :][:count] or bytes(min(count, left))

    def _examine(self, structure: Structure) -> None:
        """Check whether the structure continues here, and where it does if not."""
        self._silent = 0
        found = structure.search(self, self._at)
        if found is None:
            self._add(self.size)
        elif structure.fill is not None and found - self._at >= min(structure.patience, MOST_LEFT):
            self._add(found)
        else:
            self._silent = self._at - found

    def _look_behind_zeros(self) -> None:
        for position, window in windows(self, self._at):
            if window != bytes(len(window)):
                self._known.nonzero_at = position
                return
        if self.size - self._at >= LEAST_ZEROS:
            self._add(self.size)

    def _add(self, end: int) -> None:
        """Keep that nothing stands from here up to `end`."""
        start = self._at
        if start >= end or any(hole.start <= start and hole.end == end for hole in self.holes):
            return
        others = [hole for hole in self.holes if hole.end != end]
        self.holes[:] = sorted([*others, Hole(min(self._packet_at, start), start, end)], key=_start)


class Retries:
    """How often a demuxer is asked again that found no packet in so many bytes, and says so.

    It continues where it stopped; at the end of a file it may take two more calls to see that.
    """

    def __init__(self) -> None:
        self._reached, self._left = -1, 2

    def again(self, file: GuardedFile | None) -> bool:
        """Return whether to ask once more."""
        if file is None:
            return False
        if file.tell() > self._reached:
            self._reached, self._left = file.tell(), 2
            return True
        self._left -= 1
        return self._left >= 0


def _start(hole: Hole) -> int:
    return hole.start


def _known(key: tuple[str, int, int]) -> _Known:
    """Return what is known of a file; that of the last one only is kept."""
    if not _LAST or _LAST[0].key != key:
        _LAST[:] = [_Known(key, [])]
    return _LAST[0]
