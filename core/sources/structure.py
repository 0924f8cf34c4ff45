"""Where a file that holds no packets for a while has some again, by its format's own marks.

Each search answers with the first position at or after `at` where the structure of the format
stands, or None where none does as far as may be searched. FFmpeg looks for it byte by byte; these
look through 600 MiB a second and more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .ending import element

MIB = 1024 * 1024
WINDOW = 4 * MIB
"""bytes looked through at a time"""
_OVERLAP = 4096
_LARGEST_FRAME = 64 * MIB
"""of an uncompressed frame, which may be the last of a file"""
_SYNC = 0x47
_SYNC_IN_A_ROW = 5
_LENGTHS = ((188, 0), (192, 4), (204, 0))
"""lengths of transport packets, and how many bytes come before the sync byte"""
_HEAD_BYTES = 64 * 1024
_LABEL = b"\x06\x0e\x2b\x34"
"""how every universal label of SMPTE ST 336 begins"""
_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_LEVEL_1 = frozenset(
    (0x1549A966, 0x1654AE6B, 0x114D9B74, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469, 0xEC, 0xBF)
)
_IN_CLUSTER = frozenset((0xE7, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, 0x5854, 0xEC, 0xBF))
_MOST_ELEMENTS = 2_000_000


class Bytes(Protocol):
    """A file that is read by position."""

    size: int

    most_searched: int

    def at(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes from `position` on."""

    def data_from(self, position: int) -> int:
        """Return the next position that is stored, in a sparse file; the size if none is."""


Search = Callable[[Bytes, int], "int | None"]
Filler = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Structure:
    """How a format is searched.

    `patience` is how many bytes without a packet are normal, and too few to be led over. FFmpeg
    gives up on a transport stream after 64 KiB without a sync byte. `fill` returns what stands at
    the beginning of a stretch without structure of the length it is given, so that a demuxer passes
    over it at once; it is repeated if `repeats`, and followed by zeros if not. Without it the
    stretch is given as it is, and only one that lasts to the end of the file is left out.
    """

    name: str
    patience: int
    search: Search
    fill: Filler | None = None
    repeats: bool = False


def structure_of(file: Bytes, suffix: str, begins: int = 0) -> Structure | None:
    """Return how to search a file, by what stands at `begins` and its name; None: unknown."""
    head = file.at(begins, _HEAD_BYTES)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Structure("matroska", 4 * MIB, next_element, _void_cluster)
    for start, behind, structure in _BY_HEAD:
        if head.startswith(start) and head.startswith(behind, 8):
            return structure
    raw = _raw(head, suffix)
    if raw is not None:
        return raw
    packets = _packets_in(head)
    if packets is None:
        return None
    return Structure(
        "mpegts", 32 * 1024, next_sync, lambda _: _null_packets(packets[1]), repeats=True
    )


def _raw(head: bytes, suffix: str) -> Structure | None:
    if suffix in (".mjpg", ".mjpeg"):
        return Structure("mjpeg", 16 * MIB, _dense(b"\xff\xd8\xff"))
    if head.lstrip(b"\0").startswith(b"\1") and head.startswith(b"\0\0"):
        return Structure("start codes", 16 * MIB, _dense(b"\0\0\1"))
    return None


def windows(file: Bytes, at: int, first: int = WINDOW) -> Iterator[tuple[int, bytes]]:
    """Yield (position, bytes) of overlapping windows, as many bytes as may be searched.

    What a sparse file does not store is zeros: it is passed over unread, and does not count.
    Where the next structure is mostly near, the `first` window is a small one.
    """
    left, step = file.most_searched, first
    while left > 0 and (at := file.data_from(at)) < file.size:
        window = file.at(at, step + _OVERLAP)
        if not window:
            return
        yield at, window
        at, left, step = at + step, left - step, WINDOW


def next_sync(file: Bytes, at: int) -> int | None:
    """Find transport packets (ISO/IEC 13818-1, 2.4.3): five sync bytes, a packet apart."""
    for position, window in windows(file, at, _HEAD_BYTES):
        found = _packets_in(window)
        if found is not None:
            return position + found[0]
    return None


def _packets_in(window: bytes) -> tuple[int, int] | None:
    """Return where the first transport packets in a row start, and their length."""
    data = np.frombuffer(window, np.uint8)
    marks = np.flatnonzero(data == _SYNC)
    found: list[tuple[int, int]] = []
    for length, before in _LENGTHS:
        last = len(data) - length * (_SYNC_IN_A_ROW - 1)
        rows = marks[(marks >= before) & (marks < last)]
        for number in range(1, _SYNC_IN_A_ROW):
            rows = rows[data[rows + number * length] == _SYNC]
        if len(rows):
            found.append((int(rows[0]) - before, length))
    return min(found, default=None)


def _null_packets(length: int) -> bytes:
    """Return a null packet (ISO/IEC 13818-1, 2.4.1: PID 0x1FFF), which demuxers discard."""
    before = dict(_LENGTHS)[length]
    packet = b"\0" * before + b"\x47\x1f\xff\x10"
    return (packet + b"\xff" * (length - len(packet))) * 512


def _padding(_: int) -> bytes:
    """Return a padding packet of a program stream (ISO/IEC 13818-1, 2.4.3.6: stream 0xBE)."""
    return b"\0\0\1\xbe\xff\xff" + b"\xff" * 0xFFFF


def _void_cluster(length: int) -> bytes:
    """Return the head of a Matroska cluster of a length, which holds a Void element alone."""
    inner = length - 12 - 9
    if inner < 0:
        return b""
    cluster = b"\x1f\x43\xb6\x75\x01" + (length - 12).to_bytes(7, "big")
    return cluster + b"\xec\x01" + inner.to_bytes(7, "big")


def next_element(file: Bytes, at: int) -> int | None:
    """Find the next cluster of a Matroska file, unless `at` lies within elements that are whole.

    Those may be large and without a packet: attachments, Void, an uncompressed frame.
    """
    if _in_sound_element(file, at):
        return at
    for position, window in windows(file, at):
        found = _CLUSTER_HEAD.search(window)
        if found:
            return position + found.start()
    return None


# One literal to begin with: alternatives would make it ten times slower.
_CLUSTER_HEAD = re.compile(
    rb"\x1f\x43\xb6\x75(?:[\x80-\xff]|[\x40-\x7f].|[\x20-\x3f].{2}|[\x10-\x1f].{3}|[\x08-\x0f].{4}"
    rb"|[\x04-\x07].{5}|[\x02\x03].{6}|\x01.{7})[\xe7\xbf\xec\xa7\xab\xa3\xa0]",
    re.DOTALL,
)


def _in_sound_element(file: Bytes, wanted: int) -> bool:
    """Walk the elements of a Matroska file (RFC 8794, RFC 9559) to the one that holds `wanted`."""
    at = 0
    for _ in range(_MOST_ELEMENTS):
        name, length, body = element(file.at(at, 12))
        enter = name in (_SEGMENT, _CLUSTER) and (length is None or at + body + length > wanted)
        if not enter and (name not in _KNOWN or length is None):
            return False
        at += body if enter else body + (length or 0)
        if at > wanted:
            return at <= file.size
    return False


_KNOWN = _LEVEL_1 | _IN_CLUSTER | {_EBML, _SEGMENT, _CLUSTER}


def _marked(mark: bytes, holds: Callable[[Bytes, int], bool]) -> Search:
    """Return a search for a mark where what stands around it holds."""

    def search(file: Bytes, at: int) -> int | None:
        for position, window in windows(file, at, _HEAD_BYTES):
            found = window.find(mark)
            while found >= 0:
                if holds(file, position + found):
                    return position + found
                found = window.find(mark, found + 1)
        return None

    return search


def _is_program_packet(file: Bytes, at: int) -> bool:
    """Return whether a packet stands here and another behind it (ISO/IEC 13818-1, 2.5.3)."""
    head = file.at(at, 14)
    if len(head) < 14 or head[3] < _PACK:
        return False
    if head[3] == _PACK:
        following = at + (14 + (head[13] & 7) if head[4] >> 6 == 1 else 12)
    else:
        following = at + 6 + int.from_bytes(head[4:6], "big")
    behind = file.at(following, 4)
    return behind[:3] == b"\0\0\1" and behind[3:] >= b"\xb9"


def _is_page(file: Bytes, at: int) -> bool:
    """Return whether an Ogg page begins here (RFC 3533, 6: version 0, three flags)."""
    head = file.at(at, 6)
    return len(head) == 6 and head[4] == 0 and head[5] < 8


def _is_key(file: Bytes, at: int) -> bool:
    """Return whether a SMPTE universal label of a set or an essence element begins here."""
    return file.at(at + 4, 1) in (b"\1", b"\2")


def _dense(mark: bytes) -> Search:
    """Return a search for a window with so many marks as chance does not make.

    Three bytes occur once in 16 MiB of random ones: four in a window of 4 MiB once in 10^4.
    """

    def search(file: Bytes, at: int) -> int | None:
        for position, window in windows(file, at):
            if window.count(mark) >= _DENSE:
                return max(position + window.find(mark) - 1, at)
        return None

    return search


def next_chunk(file: Bytes, at: int) -> int | None:
    """Find a chunk of an AVI's streams 00 to 09 with another behind it, or two index entries.

    Four bytes alone occur by chance about four times in 600 MB.
    """
    for position, window in windows(file, at):
        data = np.frombuffer(window, np.uint8)
        kinds = (data[2:-1] == ord("d")) | (data[2:-1] == ord("w"))
        for found in np.flatnonzero((data[:-3] == ord("0")) & kinds):
            if _CHUNK.match(window, int(found)) and _goes_on(file, position + int(found)):
                return position + int(found)
    return None


def _goes_on(file: Bytes, at: int) -> bool:
    """Return whether a chunk follows the one at `at`, or the one whose index entry is there."""
    size = int.from_bytes(file.at(at + 4, 4), "little")
    behind = file.at(at + 8 + size + size % 2, 4)
    return bool(_FOLLOWS.match(behind)) or bool(_CHUNK.match(file.at(at + 16, 4)))


def next_tag(file: Bytes, at: int) -> int | None:
    """Find an FLV tag: a type, stream 0, and behind it its own length."""
    for position, window in windows(file, at):
        data = np.frombuffer(window, np.uint8)
        kind = data[:-10]
        kinds = (kind == 8) | (kind == 9) | (kind == 18)
        stream = data[8:-2] | data[9:-1] | data[10:]
        for found in np.flatnonzero(kinds & (stream == 0)):
            if _is_tag(file, position + int(found)):
                return position + int(found)
    return None


def _is_tag(file: Bytes, at: int) -> bool:
    length = 11 + int.from_bytes(file.at(at + 1, 3), "big")
    return length > 11 and file.at(at + length, 4) == length.to_bytes(4, "big")


_CHUNK = re.compile(rb"0[0-9](?:dc|db|wb)")
_FOLLOWS = re.compile(rb"0[0-9](?:dc|db|wb|pc|tx)|ix0[0-9]|idx1|LIST|RIFF|JUNK")
_DENSE = 4
_PACK = 0xBA
_BY_HEAD: tuple[tuple[bytes, bytes, Structure], ...] = (
    (b"RIFF", b"AVI ", Structure("avi", _LARGEST_FRAME, next_chunk)),
    (b"FLV\1", b"", Structure("flv", _LARGEST_FRAME, next_tag)),
    (b"OggS", b"", Structure("ogg", 4 * MIB, _marked(b"OggS", _is_page))),
    (_LABEL, b"", Structure("mxf", _LARGEST_FRAME, _marked(_LABEL, _is_key))),
    (
        b"\0\0\1\xba",
        b"",
        Structure("mpeg", MIB, _marked(b"\0\0\1", _is_program_packet), _padding, repeats=True),
    ),
)
"""what stands at the beginning, and eight bytes behind it"""
