"""Reading videos with PyAV: probe, every frame, sampled frames, one frame.

Runs inside the reader process (see `reader.py`), where a crash costs one file. Times are the
container's presentation times, counted from the container's start, as players show them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import TooLarge, Unreadable
from ..records import SourceInfo
from .metadata import plain_text_fields

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_BAD_PACKETS_IN_A_ROW = 2000


@dataclass
class Stream:
    """An open video: container, the default video stream, and what went wrong so far."""

    path: str
    container: InputContainer
    video: VideoStream
    origin_seconds: float
    bad_packets: int = 0
    warnings: list[str] = field(default_factory=list)
    ended_early: bool = False


@contextmanager
def open_video(path: str, threads: int) -> Iterator[Stream]:
    """Open the default video stream of a file. Raises Unreadable."""
    import av

    # Any other level calls Python from FFmpeg's threads, which deadlocks against a close.
    av.logging.set_level(None)
    try:
        container = av.open(path, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise Unreadable(f"not a video FFmpeg can open ({_words(error)})") from error
    with container:
        video = container.streams.best("video")
        if video is None or _is_cover_art(video):
            raise Unreadable("holds no video stream")
        video.thread_type = "AUTO" if threads != 1 else "SLICE"
        video.codec_context.thread_count = threads
        yield Stream(path, container, video, _origin(container, video))


def probe_video(path: str, content: str, size_bytes: int, max_pixels: float) -> SourceInfo:
    """Return what the container says and what its first frame shows. Raises SourceError."""
    with open_video(path, threads=1) as stream:
        first = next(decode(stream), None)
        if first is None:
            raise Unreadable("holds no frame that can be decoded; it may be cut off or only a header")
        frame = first.frame
        if frame.width * frame.height > max_pixels:
            raise TooLarge(f"{frame.width}x{frame.height} is over limits.max_megapixels")
        return _info(stream, frame, content, size_bytes)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded frame with its number in the stream and its time."""

    index: int
    seconds: float
    frame: VideoFrame


def decode(stream: Stream, first_index: int = 0) -> Iterator[Decoded]:
    """Yield every frame from the current position on, in presentation order.

    Damaged packets are skipped and counted; a container that breaks off ends the stream with
    `ended_early` set, and what was decoded stays.
    """
    step = 1.0 / float(stream.video.average_rate or 25)
    last = -math.inf
    index = first_index
    for frame in _frames(stream):
        seconds = _seconds(stream, frame)
        if seconds is None or seconds < last:
            seconds = last + step if math.isfinite(last) else 0.0
        yield Decoded(index, seconds, frame)
        last = seconds
        index += 1


def decode_from(stream: Stream, index: int, seconds: float) -> Iterator[Decoded]:
    """Yield frames from number `index` at `seconds` on, by seeking where the file allows it.

    The frame is recognised by its exact time; where no frame has it, the file is read from its
    beginning instead.
    """
    import av

    if index == 0:
        yield from decode(stream)
        return
    try:
        target = math.floor((seconds + stream.origin_seconds) / float(stream.video.time_base or 1))
        stream.container.seek(target, stream=stream.video, backward=True)
        found = _starting_at(decode(stream), seconds)
    except av.error.FFmpegError:
        found = None
    if found is None:
        stream.container.seek(0, backward=True, any_frame=False)
        yield from (item for item in decode(stream) if item.index >= index)
        return
    first, rest = found
    shift = index - first.index
    yield Decoded(index, first.seconds, first.frame)
    for item in rest:
        yield Decoded(item.index + shift, item.seconds, item.frame)


def frame_times(stream: Stream) -> list[float]:
    """Return the presentation time of every packet, sorted, without decoding (seconds)."""
    base = float(stream.video.time_base or 0)
    times = [
        packet.pts * base - stream.origin_seconds
        for packet in _packets(stream)
        if packet.pts is not None and packet.size
    ]
    return sorted(times)


def keyframes(stream: Stream) -> Iterator[Decoded]:
    """Yield the keyframes only. `index` counts all packets before it, in decoding order."""
    context = stream.video.codec_context
    position = -1
    for packet in _packets(stream):
        position += 1
        if not (packet.size and packet.is_keyframe):
            continue
        # skip_frame=NONKEY is ignored by VP9 and reorders HEVC: decode the packet alone and flush.
        frames = _decode_packet(stream, packet) + _flush(context)
        for frame in frames[:1]:
            seconds = _packet_seconds(stream, packet, frame)
            yield Decoded(position, seconds, frame)


def upright(frame: VideoFrame) -> Any:
    """Return the frame as uint8 RGB of shape (height, width, 3), rotation applied."""
    import numpy as np

    pixels = frame.to_ndarray(format="rgb24")
    turns = (frame.rotation // 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _starting_at(items: Iterator[Decoded], seconds: float) -> tuple[Decoded, Iterator[Decoded]] | None:
    for item in items:
        if item.seconds == seconds:
            return item, items
        if item.seconds > seconds:
            return None
    return None


def _frames(stream: Stream) -> Iterator[VideoFrame]:
    bad_in_a_row = 0
    for packet in _packets(stream):
        bad_before = stream.bad_packets
        yield from _decode_packet(stream, packet)
        bad_in_a_row = bad_in_a_row + 1 if stream.bad_packets > bad_before else 0
        if bad_in_a_row > MAX_BAD_PACKETS_IN_A_ROW:
            stream.ended_early = True
            return


def _packets(stream: Stream) -> Iterator[Any]:
    import av

    packets = stream.container.demux(stream.video)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.EOFError):
            return
        except av.error.FFmpegError as error:
            stream.ended_early = True
            stream.warnings.append(f"the container breaks off ({_words(error)})")
            return
        yield packet


def _decode_packet(stream: Stream, packet: Any) -> list[VideoFrame]:
    import av

    try:
        return list(packet.decode())
    except av.error.EOFError:
        return []
    except av.error.FFmpegError:
        stream.bad_packets += 1
        return []


def _flush(context: Any) -> list[VideoFrame]:
    import av

    try:
        frames = list(context.decode(None))
    except av.error.FFmpegError:
        frames = []
    context.flush_buffers()
    return frames


def _seconds(stream: Stream, frame: VideoFrame) -> float | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base) - stream.origin_seconds


def _packet_seconds(stream: Stream, packet: Any, frame: VideoFrame) -> float:
    if packet.pts is None:
        return _seconds(stream, frame) or 0.0
    return float(packet.pts * stream.video.time_base) - stream.origin_seconds


def _origin(container: InputContainer, video: VideoStream) -> float:
    if container.start_time is not None:
        return container.start_time / 1_000_000
    if video.start_time is not None and video.time_base is not None:
        return float(video.start_time * video.time_base)
    return 0.0


def _info(stream: Stream, frame: VideoFrame, content: str, size_bytes: int) -> SourceInfo:
    video, container = stream.video, stream.container
    turned = (frame.rotation // 90) % 2 == 1
    width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
    rate = float(video.average_rate) if video.average_rate else None
    duration = _duration(stream)
    count = video.frames or (round(duration * rate) if duration and rate else None)
    return SourceInfo(
        path=stream.path,
        kind="video",
        content=content,
        size_bytes=size_bytes,
        width=width,
        height=height,
        container=container.format.name,
        codec=video.codec_context.name,
        pixel_format=str(video.codec_context.pix_fmt or frame.format.name),
        rotation_degrees=int(frame.rotation),
        frame_rate=rate,
        frame_count=count,
        duration_seconds=duration,
        start_seconds=stream.origin_seconds,
        metadata=plain_text_fields({**container.metadata, **_stream_facts(stream)}),
    )


def _stream_facts(stream: Stream) -> dict[str, str]:
    facts = {"video_streams": str(len(stream.container.streams.video))}
    aspect = stream.video.sample_aspect_ratio
    if aspect and aspect != 1:
        facts["pixel_aspect"] = str(aspect)
    return facts


def _duration(stream: Stream) -> float | None:
    video = stream.video
    if video.duration is not None and video.time_base is not None:
        return float(video.duration * video.time_base)
    if stream.container.duration is not None and stream.container.duration > 0:
        return stream.container.duration / 1_000_000
    return None


def _is_cover_art(video: VideoStream) -> bool:
    return bool(getattr(video, "disposition", 0) & 0x400)


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).strip().lower() or type(error).__name__
