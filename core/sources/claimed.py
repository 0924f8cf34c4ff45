"""The size a picture's header claims, read without its parser, before a parser allocates it.

GIF and animated WebP are allocated before their size can be checked; libheif and libavif refuse
large sizes in words of their own; and an icon's size is that of the PNG inside it.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

_META_BYTES = 1024 * 1024
_ICON_ENTRIES = 64


def claimed_size(path: str) -> tuple[int, int]:
    """Return (width, height) of the largest picture the header claims; 0, 0 where it is unknown."""
    with open(path, "rb") as file:
        head = file.read(30)
        if head[:4] == b"GIF8" and len(head) >= 10:
            width, height = struct.unpack_from("<HH", head, 6)
            return width, height
        if head[8:16] == b"WEBPVP8X" and len(head) == 30:
            width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
            return width, height
        if head[4:8] == b"ftyp":
            return _largest(_extents(file))
        if head[:4] == b"\x00\x00\x01\x00":
            return _largest(_icons(file))
    return 0, 0


def is_turned(path: str) -> bool:
    """Return whether a HEIF turns or mirrors its picture (`irot`, `imir`, the same, 6.5.10)."""
    with open(path, "rb") as file:
        meta = _box(file, b"meta")
    return b"irot" in meta or b"imir" in meta


def _largest(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def _extents(file: BinaryIO) -> list[tuple[int, int]]:
    """Return the image spatial extents (`ispe`, ISO/IEC 23008-12, 6.5.3) of the `meta` box."""
    meta = _box(file, b"meta")
    found = []
    at = meta.find(b"ispe")
    while at >= 0:
        if len(meta) >= at + 16:
            found.append(struct.unpack_from(">II", meta, at + 8))
        at = meta.find(b"ispe", at + 4)
    return [(width, height) for width, height in found]


def _box(file: BinaryIO, wanted: bytes) -> bytes:
    """Return the beginning of a box at the top of an ISO base media file; empty: not there."""
    at = 0
    for _ in range(64):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return b""
        size, kind = struct.unpack(">I4s", head[:8])
        if kind == wanted:
            file.seek(at + 8)
            return file.read(min(size or _META_BYTES, _META_BYTES))
        size = struct.unpack(">Q", head[8:])[0] if size == 1 and len(head) == 16 else size
        if size < 8:
            return b""
        at += size
    return b""


def _icons(file: BinaryIO) -> list[tuple[int, int]]:
    """Return the sizes of the PNGs in an icon; bitmaps in one are no larger than 256 a side."""
    file.seek(4)
    count = struct.unpack("<H", file.read(2).ljust(2, b"\x00"))[0]
    entries = file.read(16 * min(count, _ICON_ENTRIES))
    found = []
    for start in range(0, len(entries) - 15, 16):
        file.seek(struct.unpack_from("<I", entries, start + 12)[0], io.SEEK_SET)
        inside = file.read(24)
        if inside[:4] == b"\x89PNG" and len(inside) == 24:
            found.append(struct.unpack_from(">II", inside, 16))
    return [(width, height) for width, height in found]
