"""Reading videos with PyAV: open, probe, and decode from wherever the container stands.

Runs inside the reader process (see `reader.py`), where a crash costs one file. Times are the
container's presentation times, counted from the container's start, as players show them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ..errors import TooLarge, Unreadable
from ..records import SourceInfo
from .metadata import plain_text_fields
from .moving import as_stream, is_avif, is_webp

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_BAD_PACKETS_IN_A_ROW = 2000
JUMP_BACK_SECONDS = 0.5
"""Times that go back by more than this are a recording that was joined or restarted."""
HAIR_SECONDS = 1e-6
"""What keeps two frames with the same time stamp apart."""

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
    stream = Stream(path, threads, beat, *_opened(path, threads, beat))
    try:
        yield stream
    finally:
        stream.container.close()


def rewind(stream: Stream) -> None:
    """Start over, as if nothing had been read: not every container can seek to its beginning."""
    stream.container.close()
    stream.container, stream.video = _opened(stream.path, stream.threads, stream.beat)
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
        self._to_seconds = seconds_of(stream)
        self._step = step_seconds(stream)
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


def step_seconds(stream: Stream) -> float:
    """Return the usual time between two frames."""
    return 1.0 / float(stream.video.average_rate or 25)


def seconds_of(stream: Stream) -> Callable[[int], float]:
    """Return what turns time stamps of the stream into seconds since the container's start."""
    base, origin = stream.video.time_base, stream.origin_seconds
    over, under = (base.numerator, base.denominator) if base else (1, 1)
    return lambda pts: pts * over / under - origin


def _frames(stream: Stream) -> Iterator[VideoFrame]:
    bad_in_a_row = 0
    for packet in packets(stream):
        bad_before = stream.bad_packets
        yield from decode_packet(stream, packet)
        bad_in_a_row = bad_in_a_row + 1 if stream.bad_packets > bad_before else 0
        if bad_in_a_row > MAX_BAD_PACKETS_IN_A_ROW:
            stream.ended_early = True
            return


def packets(stream: Stream) -> Iterator[Any]:
    """Yield packets; a container that breaks off ends them, with `ended_early` set."""
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


def decode_packet(stream: Stream, packet: Any) -> list[VideoFrame]:
    """Return the frames a packet completes; a damaged one gives none and is counted."""
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


def _opened(
    path: str, threads: int, beat: Callable[[], None] = _quiet
) -> tuple[InputContainer, VideoStream]:
    container = _container(path, beat)
    try:
        # "video" finds video streams only, which PyAV's types do not say.
        video = cast("VideoStream | None", container.streams.best("video"))
        if is_avif(path):  # beside the sequence stands the still that other programs show
            video = max(container.streams.video, key=lambda stream: stream.frames)
        refused = _refusal(container, video)
        if refused or video is None:
            raise Unreadable(refused)
        video.thread_type = "AUTO" if threads != 1 else "SLICE"
        video.codec_context.thread_count = threads
    except BaseException:
        container.close()
        raise
    return container, video


def _container(path: str, beat: Callable[[], None]) -> InputContainer:
    import av

    # Any other level calls Python from FFmpeg's threads, which deadlocks against a close.
    av.logging.set_level(None)
    # PyAV 19 has no such parameter any more: it always replaces what is not UTF-8.
    odd: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__[:2]) < 19 else {}
    try:
        # No name is ever taken for an address: whatever is opened is a file on this machine.
        # FFmpeg reads the first frame of a WebP, if any.
        source = as_stream(path, beat) if is_webp(path) else f"file:{path}"
        container: InputContainer = av.open(source, options={"protocol_whitelist": "file"}, **odd)
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
