"""Opening pictures whose notes (EXIF, text, profiles) are damaged or huge, without those notes.

Pillow's PNG reader and libavif refuse the whole picture then; its pixels are whole.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from .moving import is_avif

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

LEFT_OUT = "sightline_left_out"
"""in the `info` of such a picture: what was left out of it"""
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_BYTES = 512 * 2**20
_META_BYTES = 256 * 1024
_MOST_TEXT = 2**20
_MOST_TEXTS = 32 * 2**20
"""Pillow's limits are 1 MiB for a text (PngImagePlugin.MAX_TEXT_CHUNK) and 64 MiB for all"""


def without_notes(path: str) -> ImageFile | None:
    """Return a PNG or AVIF opened without damaged or huge notes, or None if it has none.

    Raises what Pillow raises.
    """
    from PIL import Image

    with open(path, "rb") as file:
        head = file.read(len(_PNG))
        if head != _PNG and not is_avif(path):
            return None
        whole = head + file.read(_MOST_BYTES)
    kept = _sound_chunks(whole) if whole.startswith(_PNG) else _without_exif(path, whole)
    what = "damaged metadata (EXIF, text or profile) is ignored"
    if kept == whole and whole.startswith(_PNG):
        kept, what = _without_huge_texts(whole), "text of more than 1 MiB is ignored"
    if kept == whole:
        return None
    image = Image.open(io.BytesIO(kept), formats=("PNG", "AVIF"))
    image.info[LEFT_OUT] = what
    return image


def _sound_chunks(whole: bytes) -> bytes:
    """Return a PNG without ancillary chunks (13.2: lower case) whose checksum is wrong."""

    def is_sound(kind: bytes, start: int, end: int) -> bool:
        if not kind[:1].islower() or end > len(whole):
            return True
        checksum = struct.pack(">I", zlib.crc32(whole[start + 4 : end - 4]))
        return whole[end - 4 : end] == checksum

    return _chunks(whole, is_sound)


def _without_huge_texts(whole: bytes) -> bytes:
    """Return a PNG without texts that are larger, or together larger, than Pillow accepts."""
    left = _MOST_TEXTS

    def is_small(kind: bytes, start: int, end: int) -> bool:
        nonlocal left
        if kind not in (b"tEXt", b"zTXt", b"iTXt"):
            return True
        size = _text_size(kind, whole[start + 8 : end - 4])
        is_kept = size <= min(_MOST_TEXT, left)
        left -= size if is_kept else 0
        return is_kept

    return _chunks(whole, is_small)


def _chunks(whole: bytes, is_kept: Callable[[bytes, int, int], bool]) -> bytes:
    """Return a PNG with the chunks that are kept, by kind, start and end of each."""
    parts, at = [_PNG], len(_PNG)
    while at + 12 <= len(whole):
        size, kind = struct.unpack_from(">I4s", whole, at)
        end = at + 12 + size
        if is_kept(kind, at, end):
            parts.append(whole[at:end])
        at = end
    return b"".join([*parts, whole[at:]])


def _text_size(kind: bytes, body: bytes) -> int:
    """Return how many bytes a text has, at most one more than is accepted."""
    rest = body.partition(b"\0")[2]
    if kind == b"iTXt":  # after the flag and the method: language, translated keyword, text
        is_packed, packed = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    else:
        is_packed, packed = kind == b"zTXt", rest[1:]
    if not is_packed:
        return len(body)
    try:
        return len(zlib.decompressobj().decompress(packed, _MOST_TEXT + 1))
    except zlib.error:
        return len(body)


def _without_exif(path: str, whole: bytes) -> bytes:
    """Return an AVIF whose EXIF item has an unknown type; libavif passes over such."""
    if not is_avif(path):
        return whole
    end = max(whole.find(b"mdat", 0, _META_BYTES), 0)
    return whole[:end].replace(b"Exif", b"exif") + whole[end:]
