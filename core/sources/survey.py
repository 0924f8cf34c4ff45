"""What a video's packets say without decoding: frame times, and where its keyframes are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .video import (
    Decoded,
    Stream,
    decode_packet,
    open_video,
    packets,
    seconds_of,
    step_seconds,
)

if TYPE_CHECKING:
    from av import VideoFrame


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
        if packet.pts is None:
            untimed += 1
        else:
            times.append(seconds(packet.pts))
        if nal_length and closed and packet.is_keyframe:
            closed = _holds_idr(bytes(packet), nal_length)
    if untimed:
        times = [number * step_seconds(stream) for number in range(untimed + len(times))]
    return Survey(sorted(times), closed)


def frame_times(stream: Stream) -> list[float]:
    """Return the presentation time of every packet, sorted, without decoding (seconds)."""
    return survey(stream).times


def keyframes(stream: Stream) -> Iterator[Decoded]:
    """Yield the keyframes only, each with its number in order of presentation."""
    with open_video(stream.path, 1, stream.beat) as table:
        times = frame_times(table)
    context, to_seconds = stream.video.codec_context, seconds_of(stream)
    for position, packet in enumerate(packets(stream)):
        if not (packet.size and packet.is_keyframe):
            continue
        # skip_frame=NONKEY is ignored by VP9 and reorders HEVC: decode the packet alone and flush.
        frames = decode_packet(stream, packet) + _flush(context)
        for frame in frames[:1]:
            untimed = position * step_seconds(stream)
            seconds = untimed if packet.pts is None else to_seconds(packet.pts)
            yield Decoded(bisect_left(times, seconds), seconds, frame)


def _nal_length(context: Any) -> int:
    """Return how many bytes tell a NAL unit's length in H.264 as MP4 and Matroska hold it, or 0."""
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
