"""Whether a file breaks off: what its container says of its own length, without decoding.

Each check returns True where the file ends inside a structure, False where it ends as the
format asks, and None where the format does not say so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_MOST_BOXES = 1_000_000
_TAIL_BYTES = 256 * 1024
_PACKETS_IN_A_ROW = 5
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_FIRST_BOXES = (
    *(b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid"),
    *(b"sidx", b"jP  "),
)
Check = Callable[[BinaryIO, int], bool | None]


def breaks_off(path: str, container: InputContainer, video: VideoStream) -> bool | None:
    """Return whether a file ends inside its video, by its structure alone."""
    for name in container.format.name.split(","):
        check = _CHECKS.get(name)
        if check is None:
            continue
        if name == "mov" and video.frames and len(video.index_entries):
            return _sample_missing(video, os.path.getsize(path))
        with open(path, "rb") as file:
            return check(file, os.path.getsize(path))
    return None


def may_hide_a_loss(container: InputContainer) -> bool:
    """Return whether a file that ends as it should may hold less than it says.

    These state their size and the video's duration at the beginning, and what lies between is
    searched for packets.
    """
    return bool(_SEARCHED.intersection(container.format.name.split(",")))


def _sample_missing(video: VideoStream, size: int) -> bool:
    """Return whether the table of samples names any that lies beyond the end of the file."""
    entries: Any = video.index_entries
    last = max(range(len(entries)), key=lambda at: entries[at].pos)
    return bool(entries[last].pos + entries[last].size > size)


def lacks_index(path: str) -> bool:
    """Return whether an MP4 or MOV lost the index that recorders write last."""
    with open(path, "rb") as file:
        kinds = [kind for kind, _ in _walked(file)]
    return bool(kinds) and kinds[0] in (b"ftyp", b"mdat", b"wide") and b"moov" not in kinds


def has_boxes(path: str) -> bool:
    """Return whether a file begins with a box of ISO/IEC 14496-12 or QuickTime."""
    with open(path, "rb") as file:
        kind, _ = next(_walked(file), (b"", None))
    return kind in _FIRST_BOXES


def _boxes(file: BinaryIO, size: int) -> bool | None:
    """Compare the sizes of the boxes with the file's."""
    ends = [end for _, end in _walked(file)]
    if not ends:
        return False
    return None if ends[-1] is None else ends[-1] > size


def _walked(file: BinaryIO) -> Iterator[tuple[bytes, int | None]]:
    """Yield type and end of each box of ISO/IEC 14496-12, 4.2: 32 or 64 bits of size, a type.

    The end is None for one that has no size; what is no box any more ends them.
    """
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        kind = head[4:8]
        if length == 0 and kind.isalnum():
            yield kind, None
            return
        if length < 8 or not kind.isascii():
            return
        at += length
        yield kind, at


def _segments(file: BinaryIO, size: int) -> bool | None:
    """Compare the size of Matroska's Segment with the file's (RFC 8794, RFC 9559)."""
    at = 0
    while at < size:
        file.seek(at)
        name, length, body = element(file.read(12))
        if name not in (0x1A45DFA3, 0x18538067, 0xEC, 0xBF):
            return None if at == 0 else False
        if length is None:
            return None
        at += body + length
    return at > size


def holds_one_segment(path: str) -> bool:
    """Return whether a Matroska file is one recording of known size; several may be joined."""
    at, found, size = 0, 0, os.path.getsize(path)
    with open(path, "rb") as file:
        while at < size and found < 2:
            file.seek(at)
            name, length, body = element(file.read(12))
            if length is None:
                return False
            found += name == 0x18538067
            at += body + length
    return found == 1


def element(head: bytes) -> tuple[int, int | None, int]:
    """Return an EBML element's id, its size (None where unknown) and the length of its head."""
    if not head or not head[0]:
        return 0, None, 0
    id_bytes = 9 - head[0].bit_length()
    rest = head[id_bytes:]
    if not rest or not rest[0]:
        return 0, None, 0
    size_bytes = 9 - rest[0].bit_length()
    value = int.from_bytes(rest[:size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
    unknown = value == (1 << 7 * size_bytes) - 1 or len(rest) < size_bytes
    name = int.from_bytes(head[:id_bytes], "big")
    return name, None if unknown else value, id_bytes + size_bytes


def _riffs(file: BinaryIO, size: int) -> bool | None:
    """Walk the RIFF chunks of an AVI; a large one is several of them."""
    at = 0
    while at + 12 <= size:
        file.seek(at)
        head = file.read(12)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF":
            return None if at == 0 else False
        if length in _UNKNOWN_SIZES:
            return None
        at += 8 + length + length % 2
    # A last padding byte is often left out.
    return at - 1 > size


def _transport_packets(file: BinaryIO, size: int) -> bool | None:
    """Return whether the last packet of a transport stream is a part of one (ISO/IEC 13818-1)."""
    tail = _tail(file, size)
    for length, before in ((188, 0), (192, 4), (204, 0)):
        end = _end_of_packets(tail, length, before)
        if end is not None:
            rest = tail[end:]
            return bool(rest) and (len(rest) <= before or rest[before] == 0x47)
    return None


def _end_of_packets(tail: bytes, length: int, before: int) -> int | None:
    """Return where whole packets end: some in a row, the last as near to the end as can be."""
    for last in range(len(tail) - length, max(len(tail) - 2 * length, 0) - 1, -1):
        starts = range(last, max(last - _PACKETS_IN_A_ROW * length, -1), -length)
        if len(starts) == _PACKETS_IN_A_ROW and all(tail[at + before] == 0x47 for at in starts):
            return last + length
    return None


def _program_packets(file: BinaryIO, size: int) -> bool | None:
    """Walk the last packets of a program stream; each says how long it is."""
    tail = _tail(file, size)
    at = tail.find(b"\0\0\1\xba")
    while 0 <= at < len(tail):
        if not tail.startswith(b"\0\0\1", at):
            return False if not tail[at:].strip(b"\0") else None
        following = _after_program_packet(tail, at)
        if following is None:
            return True
        at = following
    return None if at < 0 else at > len(tail)


def _after_program_packet(tail: bytes, at: int) -> int | None:
    kind = tail[at + 3] if at + 3 < len(tail) else 0
    if kind == 0xB9:
        return at + 4
    if kind != 0xBA:
        return (
            at + 6 + int.from_bytes(tail[at + 4 : at + 6], "big") if at + 6 <= len(tail) else None
        )
    if at + 14 > len(tail):
        return None
    stuffing = tail[at + 13] & 7
    return at + 14 + stuffing if tail[at + 4] >> 6 == 1 else at + 12


def _pages(file: BinaryIO, size: int) -> bool | None:
    """Return whether the last Ogg page is whole (RFC 3533, 6)."""
    tail = _tail(file, size)
    at = tail.rfind(b"OggS")
    if at < 0:
        return None
    segments = tail[at + 26] if at + 26 < len(tail) else 0
    table = tail[at + 27 : at + 27 + segments]
    return at + 27 + segments + sum(table) > len(tail) or len(table) < segments or not segments


def _flv_tags(file: BinaryIO, size: int) -> bool | None:
    """Return whether the last FLV tag is followed by its own length, as each is."""
    tail = _tail(file, size)
    length = int.from_bytes(tail[-4:], "big")
    at = len(tail) - 4 - length
    if at < 0 or length < 11:
        return True
    return int.from_bytes(tail[at + 1 : at + 4], "big") + 11 != length


def _asf_objects(file: BinaryIO, size: int) -> bool | None:
    """Compare the size an ASF file says it has with the one it has."""
    file.seek(0)
    head = file.read(_TAIL_BYTES)
    at = head.find(_FILE_PROPERTIES)
    if at < 0 or at + 48 > len(head):
        return None
    said = int.from_bytes(head[at + 40 : at + 48], "little")
    return None if not said else said > size


def _blocks(file: BinaryIO, size: int) -> bool | None:
    """Return whether a GIF ends inside a block (GIF89a, 27: a whole one has a trailer)."""
    if _tail(file, size).rstrip(b"\0").endswith(b"\0;"):
        return False
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        return True
    file.seek(_colours(head[10]), os.SEEK_CUR)
    return _ends_in_a_block(file, size)


def _ends_in_a_block(file: BinaryIO, size: int) -> bool:
    """Walk the blocks of a GIF (GIF89a, 20 to 27) from the first one on."""
    kind = b""
    while following := file.read(1):
        kind = following
        if kind == b";":
            return False
        if kind == b"\0":  # stray zeros are passed over by readers
            continue
        if kind not in b"\x21\x2c":
            return True
        head = file.read(1 if kind == b"\x21" else 9)
        if kind == b"\x2c":
            file.seek((_colours(head[8]) if len(head) == 9 else 0) + 1, os.SEEK_CUR)
        while (length := file.read(1)) and length != b"\0":
            file.seek(length[0], os.SEEK_CUR)
        if not length or file.tell() > size:
            return True
    return kind == b"\0"


def _colours(packed: int) -> int:
    """Return the bytes of the colour table that a GIF's packed field announces."""
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(size - _TAIL_BYTES, 0))
    return file.read(_TAIL_BYTES)


_CHECKS: dict[str, Check] = {
    "mov": _boxes,
    "matroska": _segments,
    "webm": _segments,
    "avi": _riffs,
    "mpegts": _transport_packets,
    "mpeg": _program_packets,
    "ogg": _pages,
    "flv": _flv_tags,
    "asf": _asf_objects,
    "gif": _blocks,
}
_SEARCHED = frozenset(("matroska", "webm", "avi", "asf"))
