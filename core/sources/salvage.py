"""Opening pictures whose notes (EXIF, text, profiles) are damaged, without those notes.

Pillow's PNG reader and libavif refuse the whole picture then; its pixels are whole.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

from .moving import is_avif

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

LEFT_OUT = "sightline_left_out"
"""in the `info` of such a picture: what was left out of it"""
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_BYTES = 512 * 2**20
_META_BYTES = 256 * 1024


def without_notes(path: str) -> ImageFile | None:
    """Return a PNG or AVIF opened without its damaged notes, or None if that is not its trouble.

    Raises what Pillow raises.
    """
    from PIL import Image

    with open(path, "rb") as file:
        head = file.read(len(_PNG))
        if head != _PNG and not is_avif(path):
            return None
        whole = head + file.read(_MOST_BYTES)
    kept = _sound_chunks(whole) if whole.startswith(_PNG) else _without_exif(path, whole)
    if kept == whole:
        return None
    image = Image.open(io.BytesIO(kept), formats=("PNG", "AVIF"))
    image.info[LEFT_OUT] = "damaged metadata (EXIF, text or profile) is ignored"
    return image


def _sound_chunks(whole: bytes) -> bytes:
    """Return a PNG without ancillary chunks (13.2: lower case) whose checksum is wrong."""
    parts, at = [_PNG], len(_PNG)
    while at + 12 <= len(whole):
        size, kind = struct.unpack_from(">I4s", whole, at)
        end = at + 12 + size
        body = whole[at + 4 : end - 4]
        damaged = whole[end - 4 : end] != struct.pack(">I", zlib.crc32(body))
        if not (damaged and kind[:1].islower() and end <= len(whole)):
            parts.append(whole[at:end])
        at = end
    return b"".join([*parts, whole[at:]])


def _without_exif(path: str, whole: bytes) -> bytes:
    """Return an AVIF whose EXIF item has an unknown type; libavif passes over such."""
    if not is_avif(path):
        return whole
    end = max(whole.find(b"mdat", 0, _META_BYTES), 0)
    return whole[:end].replace(b"Exif", b"exif") + whole[end:]
