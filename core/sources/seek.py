"""Going to a time in a video, and what to do where that cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from .video import Decoded, Stream, decode, open_video, packets, rewind

NEAR_SECONDS = 1.0
"""So close to the beginning, reading on is cheaper than seeking."""
FAR_SECONDS = 2.0
"""Without an index, a gap longer than this is sought over."""

# Containers whose index keeps one clock from the first frame to the last.
_INDEXED = frozenset(("mov", "mp4", "matroska", "webm", "avi"))


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

    if not _one_clock(stream):
        return iter(())
    target = int((seconds + stream.origin_seconds) / float(stream.video.time_base or 1))
    try:
        stream.container.seek(target, stream=stream.video, backward=True)
    except av.error.FFmpegError:
        return iter(())
    return decode(stream)


def _one_clock(stream: Stream) -> bool:
    """Tell whether times never go back: a transport stream may have been joined or restarted."""
    if _INDEXED.intersection(stream.container.format.name.split(",")):
        return True
    last = float("-inf")
    with open_video(stream.path, 1, stream.beat) as scan:
        for packet in packets(scan):
            if not packet.size:
                continue
            if packet.dts is None or packet.dts < last:
                return False
            last = packet.dts
    return True


def _starting_at(items: Iterator[Decoded], seconds: float) -> Iterator[Decoded] | None:
    for item in items:
        if item.seconds == seconds:
            return chain([item], items)
        if item.seconds > seconds:
            return None
    return None


def worth_seeking(stream: Stream, now_seconds: float, seconds: float) -> bool:
    """Tell whether seeking to `seconds` saves decoding over reading on from `now_seconds`.

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
