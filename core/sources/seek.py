"""Going to a time in a video, and what to do where that cannot be trusted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import Any

from .clock import PacketClock
from .ending import holds_one_segment
from .file_locator import FileLocator
from .video import Decoded, Stream, decode, open_again, packets, rewind, seconds_of


@dataclass(frozen=True, slots=True)
class _Way:
    """How a file is sought in: by time on one clock, or by the positions of its keyframes."""

    one_clock: bool
    joined: tuple[tuple[float, int, PacketClock], ...] = ()
    """(seconds, position in bytes, clock before it) of each keyframe of joined recordings"""


NEAR_SECONDS = 1.0
"""So close to the beginning, reading on is cheaper than seeking."""
FAR_SECONDS = 2.0
"""Without an index, a gap longer than this is sought over."""

# Containers whose index keeps one clock from the first frame to the last.
_INDEXED = frozenset(("avi",))
# Containers in which a keyframe's packet begins at the position FFmpeg names.
_EXACT_POSITIONS = frozenset(("mpegts",))
# How the last file was sought in: each clip of a file asks again, and finding out reads all of it.
_READ_WAYS: dict[Any, _Way] = {}


def decode_from(stream: Stream, index: int, seconds: float) -> Iterator[Decoded]:
    """Yield frames from number `index` at `seconds` on, by seeking where the file allows it.

    The frame is recognised by its exact time; where no frame has it, or where the file's clock
    cannot be trusted, the file is read from its beginning instead.
    """
    if index == 0:
        yield from decode(stream)
        return
    found = _starting_at(_sought(stream, seconds), seconds)
    if found is None:
        rewind(stream)
        yield from (item for item in decode(stream) if item.index >= index)
        return
    for number, item in enumerate(found, index):
        yield Decoded(number, item.seconds, item.frame)


def decode_near(stream: Stream, seconds: float) -> Iterator[Decoded]:
    """Yield frames from one at or before `seconds` on; their numbers mean nothing after a seek."""
    if seconds > NEAR_SECONDS:
        items = _sought(stream, seconds)
        first = next(items, None)
        if first is not None and first.seconds <= seconds:
            return chain([first], items)
    rewind(stream)
    return decode(stream)


def _sought(stream: Stream, seconds: float) -> Iterator[Decoded]:
    """Yield frames from a keyframe near `seconds` on; none where the file cannot be sought in."""
    import av

    if stream.untimed:
        return iter(())
    way = _way(stream)
    if way.joined:
        return _from_position(stream, way, seconds)
    if not way.one_clock:
        return iter(())
    target = int((seconds + stream.origin_seconds) / float(stream.video.time_base or 1))
    try:
        stream.container.seek(target, stream=stream.video, backward=True)
    except av.error.FFmpegError:
        return iter(())
    stream.start_clock()
    return decode(stream)


def _way(stream: Stream) -> _Way:
    if _has_one_clock(stream):
        return _Way(one_clock=True)
    key = stream.path, *FileLocator(stream.path).version(), stream.choice
    if key not in _READ_WAYS:
        _READ_WAYS.clear()
        _READ_WAYS[key] = _read_way(stream)
    return _READ_WAYS[key]


def _has_one_clock(stream: Stream) -> bool:
    """Return whether the container itself keeps one clock: its index covers all there is."""
    names = stream.container.format.name.split(",")
    if "matroska" in names:
        return holds_one_segment(stream.path)
    if "mov" in names:
        return stream.video.frames > 0
    return bool(_INDEXED.intersection(names))


def _read_way(stream: Stream) -> _Way:
    """Read all packets once: a stream may have been joined or restarted, or has no times."""
    keyframes: list[tuple[float, int, PacketClock]] = []
    with open_again(stream) as scan:
        before = copy(scan.clock)
        for packet in packets(scan):
            if packet.size and packet.dts is None:
                return _Way(one_clock=False)
            if packet.is_keyframe and packet.pts is not None and packet.pos is not None:
                keyframes.append((seconds_of(scan)(packet.pts), packet.pos, before))
            before = copy(scan.clock)
        if not scan.clock.joined_at:
            return _Way(one_clock=True)
        exact = scan.container.format.name in _EXACT_POSITIONS
        return _Way(one_clock=False, joined=tuple(keyframes) if exact else ())


def _from_position(stream: Stream, way: _Way, seconds: float) -> Iterator[Decoded]:
    """Yield frames from the last keyframe at or before `seconds` on, found by its position."""
    import av

    at = bisect_right(way.joined, seconds, key=lambda keyframe: keyframe[0]) - 1
    if at < 0:
        return iter(())
    _, position, clock = way.joined[at]
    try:
        stream.container.seek(position, unsupported_byte_offset=True)
    except av.error.FFmpegError:
        return iter(())
    stream.start_clock()
    stream.clock = copy(clock)
    return decode(stream)


def _starting_at(items: Iterator[Decoded], seconds: float) -> Iterator[Decoded] | None:
    for item in items:
        if item.seconds == seconds:
            return chain([item], items)
        if item.seconds > seconds:
            return None
    return None


def worth_seeking(stream: Stream, now_seconds: float, seconds: float) -> bool:
    """Return whether seeking to `seconds` saves decoding over reading on from `now_seconds`.

    A seek lands on the keyframe before; one that lies behind us would be decoded twice.
    """
    if seconds - now_seconds <= NEAR_SECONDS:
        return False
    base, entries = stream.video.time_base, stream.video.index_entries
    if not base or not len(entries):
        return seconds - now_seconds > FAR_SECONDS
    entry = entries.search_timestamp(int((seconds + stream.origin_seconds) / base))
    return (
        entry >= 0 and float(entries[entry].timestamp * base) - stream.origin_seconds > now_seconds
    )
