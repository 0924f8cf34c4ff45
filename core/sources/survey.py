"""What a video's packets say without decoding: frame times, and where its keyframes are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..records import SourceInfo
from .clock import STREAM_FORMATS
from .container import RAW_FORMATS, Choice
from .facts import USUAL_RATE
from .video import (
    Decoded,
    Stream,
    decode,
    decode_packet,
    open_again,
    open_video,
    packets,
    read_end_seconds,
    rewind,
    seconds_of,
    step_seconds,
)

if TYPE_CHECKING:
    from av import VideoFrame

MOST_BYTES_TO_COUNT = 256 * 1024 * 1024
"""Reading this much takes about as long as hashing it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the packets say, without decoding: frame times in order of presentation.

    `closed`: every keyframe is a full stop, so that a decoder may start at any of them.
    """

    times: list[float]
    closed: bool


def survey(stream: Stream) -> Survey:
    """Read all packets of a video that was just opened."""
    seconds = seconds_of(stream)
    nal_length = _nal_length(stream.video.codec_context)
    times: list[float] = []
    closed, untimed = True, 0
    for packet in packets(stream):
        if not packet.size or packet.is_discard:
            continue
        if packet.pts is None or stream.untimed:
            untimed += 1
        else:
            times.append(seconds(packet.pts))
        if nal_length and closed and packet.is_keyframe:
            closed = _holds_idr(bytes(packet), nal_length)
    if untimed:
        times = [number * step_seconds(stream) for number in range(untimed + len(times))]
    return Survey(sorted(times), closed)


def counted(info: SourceInfo, choice: Choice, beat: Callable[[], None]) -> SourceInfo:
    """Return what is known of a file with its frames counted and timed, where it says neither.

    Streams without a table of contents are read once, unless they are long: those are counted
    while they are looked at, and estimated until then.
    """
    table = info.container not in STREAM_FORMATS | RAW_FORMATS
    if table or info.size_bytes > MOST_BYTES_TO_COUNT:
        return info
    with open_video(info.path, 1, beat, choice) as stream:
        times = frame_times(stream)
        end = read_end_seconds(stream)
    if not times:
        return info
    end = end or times[-1] + 1.0 / (info.frame_rate or USUAL_RATE)
    return replace(info, frame_count=len(times), duration_seconds=end)


def frame_times(stream: Stream) -> list[float]:
    """Return the presentation time of every packet, sorted, without decoding (seconds)."""
    return survey(stream).times


def keyframes(stream: Stream) -> Iterator[Decoded]:
    """Yield the keyframes only, each with its number in order of presentation.

    Where an edit list hides every keyframe, that is the first frame shown.
    """
    with open_again(stream) as table:
        times = frame_times(table)
    found = False
    for item in _keyframes(stream, times):
        found = True
        yield item
    if not found:
        rewind(stream)
        yield from islice(decode(stream), 1)


def _keyframes(stream: Stream, times: list[float]) -> Iterator[Decoded]:
    context, to_seconds = stream.video.codec_context, seconds_of(stream)
    for position, packet in enumerate(packets(stream)):
        if not (packet.size and packet.is_keyframe) or packet.is_discard:
            continue
        # skip_frame=NONKEY is ignored by VP9 and reorders HEVC: decode the packet alone and flush.
        frames = decode_packet(stream, packet) + _flush(context)
        for frame in frames[:1]:
            timed = packet.pts is not None and not stream.untimed
            seconds = to_seconds(packet.pts) if timed else position * step_seconds(stream)
            yield Decoded(bisect_left(times, seconds), seconds, frame)


def _nal_length(context: Any) -> int:
    """Return how many bytes hold a NAL unit's length in H.264 as in MP4 and Matroska, or 0."""
    extra = bytes(context.extradata or b"")
    return (extra[4] & 3) + 1 if context.name == "h264" and len(extra) > 6 and extra[0] == 1 else 0


def _holds_idr(data: bytes, nal_length: int) -> bool:
    position = 0
    while position + nal_length < len(data):
        start = position + nal_length
        if data[start] & 31 == 5:
            return True
        position = start + int.from_bytes(data[position:start], "big")
    return False


def _flush(context: Any) -> list[VideoFrame]:
    import av

    try:
        frames = list(context.decode(None))
    except av.error.FFmpegError:
        frames = []
    context.flush_buffers()
    return frames
