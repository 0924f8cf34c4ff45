"""Ending a copied clip at its last frame, by its edit list.

Frames after the end that are only there because others refer to them are hidden like those before
the start. FFmpeg's writer makes the edit list last to the end of the packets; so it is shortened in
the file (boxes of ISO/IEC 14496-12: moov/trak/edts/elst, and the duration in trak/tkhd).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_PARENTS = frozenset((b"moov", b"trak", b"edts", b"mdia"))
_HEAD = struct.Struct(">I4s")
MOST_BYTES = 64 * 1024 * 1024
"""a clip's moov is a few KiB; more is not read"""


@dataclass(frozen=True, slots=True)
class _Box:
    """A box of the file: its kind, and where its content begins and ends."""

    kind: bytes
    start: int
    end: int


def end_video_at(path: str, seconds: float) -> bool:
    """Let the picture of an MP4 of our own end at a time; return whether it could be done."""
    with open(path, "r+b") as file:
        data = bytearray(file.read(MOST_BYTES))
        moov = next((box for box in _boxes(data, 0, len(data)) if box.kind == b"moov"), None)
        if moov is None or not _shorten(data, moov, seconds):
            return False
        file.seek(moov.start)
        file.write(data[moov.start : moov.end])
    return True


def _shorten(data: bytearray, moov: _Box, seconds: float) -> bool:
    inside = list(_boxes(data, moov.start, moov.end))
    header = next((box for box in inside if box.kind == b"mvhd"), None)
    tracks = [box for box in inside if box.kind == b"trak"]
    film = next((box for box in tracks if _is_video(data, box)), None)
    if header is None or film is None:
        return False
    scale = struct.unpack_from(">I", data, header.start + (20 if data[header.start] else 12))[0]
    # Rounded down: a time in between would show the first frame that is to be hidden.
    units = int(seconds * scale + 1e-6)
    found = {box.kind: box for box in _deep(data, film)}
    if b"elst" not in found or b"tkhd" not in found:
        return False
    _set_edit(data, found[b"elst"], units)
    _set_duration(data, found[b"tkhd"], units)
    return True


def _boxes(data: bytearray, start: int, end: int) -> Iterator[_Box]:
    while start + _HEAD.size <= end:
        size, kind = _HEAD.unpack_from(data, start)
        if size < _HEAD.size or start + size > end:
            return
        yield _Box(kind, start + _HEAD.size, start + size)
        start += size


def _deep(data: bytearray, parent: _Box) -> Iterator[_Box]:
    for box in _boxes(data, parent.start, parent.end):
        yield box
        if box.kind in _PARENTS:
            yield from _deep(data, box)


def _is_video(data: bytearray, track: _Box) -> bool:
    handlers = (box for box in _deep(data, track) if box.kind == b"hdlr")
    return any(data[box.start + 8 : box.start + 12] == b"vide" for box in handlers)


def _set_edit(data: bytearray, box: _Box, units: int) -> None:
    """Shorten the last entry, so that all of them last `units`."""
    wide = data[box.start] == 1
    count = struct.unpack_from(">I", data, box.start + 4)[0]
    step, form = (20, ">Q") if wide else (12, ">I")
    places = [box.start + 8 + step * n for n in range(count)]
    before = sum(struct.unpack_from(form, data, place)[0] for place in places[:-1])
    struct.pack_into(form, data, places[-1], max(units - before, 1))


def _set_duration(data: bytearray, box: _Box, units: int) -> None:
    if data[box.start] == 1:
        struct.pack_into(">Q", data, box.start + 28, units)
    else:
        struct.pack_into(">I", data, box.start + 20, units)
