"""Reading videos with PyAV: probe, every frame, sampled frames, one frame.

Runs inside the reader process (see `reader.py`), where a crash costs one file. Times are the
container's presentation times, counted from the container's start, as players show them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from ..errors import TooLarge, Unreadable
from ..records import SourceInfo
from .metadata import plain_text_fields

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_BAD_PACKETS_IN_A_ROW = 2000
JUMP_BACK_SECONDS = 0.5
"""Times that go back by more than this are a recording that was joined or restarted."""
HAIR_SECONDS = 1e-6
"""What keeps two frames with the same time stamp apart."""
NEAR_SECONDS = 1.0
"""So close to the beginning, reading on is cheaper than seeking."""

# Containers whose index keeps one clock from the first frame to the last.
_INDEXED = frozenset(("mov", "mp4", "matroska", "webm", "avi"))
# FFmpeg also opens play lists (which name other files) and text as if they were videos.
_NOT_VIDEO = frozenset(
    (
        "applehttp",
        "ass",
        "concat",
        "dash",
        "hls",
        "imf",
        "lavfi",
        "lrc",
        "sdp",
        "srt",
        "tty",
        "webvtt",
    )
)


def _quiet() -> None:
    """Stand in for a pulse where nobody listens."""


@dataclass
class Stream:
    """An open video: container, the default video stream, and what went wrong so far.

    `beat` is called for every packet: a decoder that still gets somewhere can say so.
    """

    path: str
    threads: int
    beat: Callable[[], None]
    container: InputContainer
    video: VideoStream
    bad_packets: int = 0
    warnings: list[str] = field(default_factory=list)
    ended_early: bool = False

    @property
    def origin_seconds(self) -> float:
        """Where the container's clock starts."""
        return _origin(self.container, self.video)


@contextmanager
def open_video(path: str, threads: int, beat: Callable[[], None] = _quiet) -> Iterator[Stream]:
    """Open the default video stream of a file. Raises Unreadable or FileNotFoundError."""
    stream = Stream(path, threads, beat, *_opened(path, threads))
    try:
        yield stream
    finally:
        stream.container.close()


def rewind(stream: Stream) -> None:
    """Start over, as if nothing had been read: not every container can seek to its beginning."""
    stream.container.close()
    stream.container, stream.video = _opened(stream.path, stream.threads)
    stream.bad_packets, stream.ended_early = 0, False
    stream.warnings.clear()


def probe_video(
    path: str, content: str, size_bytes: int, max_pixels: float, beat: Callable[[], None] = _quiet
) -> SourceInfo:
    """Return what the container says and what its first frame shows. Raises SourceError."""
    with open_video(path, threads=1, beat=beat) as stream:
        context = stream.video.codec_context
        _check_size(context.width, context.height, max_pixels)
        first = next(decode(stream), None)
        if first is None:
            raise Unreadable(
                "holds no frame that can be decoded; it may be cut off or only a header; "
                "copy it again from its origin"
            )
        _check_size(first.frame.width, first.frame.height, max_pixels)
        return _info(stream, first.frame, content, size_bytes)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded frame with its number in the stream and its time."""

    index: int
    seconds: float
    frame: VideoFrame


def decode(stream: Stream, first_index: int = 0) -> Iterator[Decoded]:
    """Yield every frame from the current position on, in presentation order, times ascending.

    Damaged packets are skipped and counted; a container that breaks off ends the stream with
    `ended_early` set, and what was decoded stays.
    """
    clock = _Clock(stream)
    for index, frame in enumerate(_frames(stream), first_index):
        yield Decoded(index, clock.seconds(frame.pts), frame)


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


@dataclass(frozen=True, slots=True)
class Survey:
    """What the packets say, without decoding: frame times in order of presentation.

    `closed`: every keyframe is a full stop, so that a decoder may start at any of them.
    """

    times: list[float]
    closed: bool


def survey(stream: Stream) -> Survey:
    """Read all packets of a video that was just opened."""
    seconds = _to_seconds(stream)
    nal_length = _nal_length(stream.video.codec_context)
    times: list[float] = []
    closed, untimed = True, 0
    for packet in _packets(stream):
        if not packet.size or packet.is_discard:
            continue
        if packet.pts is None:
            untimed += 1
        else:
            times.append(seconds(packet.pts))
        if nal_length and closed and packet.is_keyframe:
            closed = _holds_idr(bytes(packet), nal_length)
    if untimed:
        times = [number * _step(stream) for number in range(untimed + len(times))]
    return Survey(sorted(times), closed)


def frame_times(stream: Stream) -> list[float]:
    """Return the presentation time of every packet, sorted, without decoding (seconds)."""
    return survey(stream).times


def keyframes(stream: Stream) -> Iterator[Decoded]:
    """Yield the keyframes only, each with its number in order of presentation."""
    from bisect import bisect_left

    with open_video(stream.path, 1, stream.beat) as table:
        times = frame_times(table)
    context, to_seconds = stream.video.codec_context, _to_seconds(stream)
    for position, packet in enumerate(_packets(stream)):
        if not (packet.size and packet.is_keyframe):
            continue
        # skip_frame=NONKEY is ignored by VP9 and reorders HEVC: decode the packet alone and flush.
        frames = _decode_packet(stream, packet) + _flush(context)
        for frame in frames[:1]:
            untimed = position * _step(stream)
            seconds = untimed if packet.pts is None else to_seconds(packet.pts)
            yield Decoded(bisect_left(times, seconds), seconds, frame)


def upright(frame: VideoFrame) -> Any:
    """Return the frame as uint8 RGB of shape (height, width, 3), rotation applied."""
    import numpy as np

    pixels = frame.to_ndarray(format="rgb24")
    turns = (frame.rotation // 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


class _Clock:
    """Turns time stamps into ascending seconds.

    A frame without a time stamp follows its predecessor at the stream's rate; so does one that
    jumps back, and everything after it moves along.
    """

    def __init__(self, stream: Stream) -> None:
        self._to_seconds = _to_seconds(stream)
        self._step = _step(stream)
        self._last: float | None = None
        self._shift = 0.0

    def seconds(self, pts: int | None) -> float:
        """Return the time of the next frame."""
        last = self._last
        if pts is None:
            seconds = 0.0 if last is None else last + self._step
        else:
            seconds = self._to_seconds(pts) + self._shift
            if last is not None and seconds <= last:
                seconds = self._after(last, seconds)
        self._last = seconds
        return seconds

    def _after(self, last: float, seconds: float) -> float:
        if last - seconds < JUMP_BACK_SECONDS:
            return last + HAIR_SECONDS
        self._shift += last + self._step - seconds
        return last + self._step


def _step(stream: Stream) -> float:
    return 1.0 / float(stream.video.average_rate or 25)


def _to_seconds(stream: Stream) -> Callable[[int], float]:
    base, origin = stream.video.time_base, stream.origin_seconds
    over, under = (base.numerator, base.denominator) if base else (1, 1)
    return lambda pts: pts * over / under - origin


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
        for packet in _packets(scan):
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
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            stream.ended_early = True
            stream.warnings.append(f"the container breaks off ({_words(error)})")
            return
        stream.beat()
        yield packet


def _decode_packet(stream: Stream, packet: Any) -> list[VideoFrame]:
    import av

    try:
        return list(packet.decode())
    except av.error.EOFError:
        return []
    except MemoryError:  # not the packet's fault: skipping it would lose good frames
        raise
    except BlockingIOError as error:
        raise MemoryError("no room for the decoder's threads") from error
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


def _opened(path: str, threads: int) -> tuple[InputContainer, VideoStream]:
    container = _container(path)
    try:
        # "video" finds video streams only, which PyAV's types do not say.
        video = cast("VideoStream | None", container.streams.best("video"))
        refused = _refusal(container, video)
        if refused or video is None:
            raise Unreadable(refused)
        video.thread_type = "AUTO" if threads != 1 else "SLICE"
        video.codec_context.thread_count = threads
    except BaseException:
        container.close()
        raise
    return container, video


def _container(path: str) -> InputContainer:
    import av

    # Any other level calls Python from FFmpeg's threads, which deadlocks against a close.
    av.logging.set_level(None)
    # PyAV 19 has no such parameter any more: it always replaces what is not UTF-8.
    odd: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__[:2]) < 19 else {}
    try:
        # No name is ever taken for an address: whatever is opened is a file on this machine.
        container: InputContainer = av.open(
            f"file:{path}", options={"protocol_whitelist": "file"}, **odd
        )
        return container
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        # A play list may miss a file as well; that one did not vanish.
        if isinstance(error, FileNotFoundError) and not os.path.exists(path):
            raise
        raise Unreadable(
            f"not a video FFmpeg can open ({_words(error)}); check that it is one, and whole"
        ) from error


def _refusal(container: InputContainer, video: VideoStream | None) -> str:
    name = container.format.name
    if _NOT_VIDEO.intersection(name.split(",")):
        return f"a play list or text ({name}), not a video; name the files it stands for"
    if name.endswith("_pipe") or name.startswith("image2"):
        return "a single picture under a video's name; rename it after its true format"
    if video is None or _is_cover_art(video):
        return "holds no video stream"
    return ""


def _check_size(width: int, height: int, max_pixels: float) -> None:
    if width * height > max_pixels:
        raise TooLarge(
            f"{width}x{height} is over limits.max_megapixels = {max_pixels / 1e6:g}; "
            "raise it if you trust the file"
        )


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
