"""Reading videos with PyAV: open, probe, and decode from wherever the container stands.

Runs inside the reader process (see `reader.py`), where a crash costs one file. Times are the
container's presentation times, counted from the container's start, as players show them; where
recordings were joined, they continue from the one before (see `clock.py`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import TooLarge, Unreadable
from ..records import SourceInfo
from .clock import STREAM_FORMATS, FrameClock, PacketClock
from .container import Choice, film_streams, is_raw, opened, words
from .ending import breaks_off, may_hide_a_loss
from .facts import (
    duration_seconds,
    frames_promised,
    known_rate,
    not_looked_at,
    own_end_seconds,
    rate_of,
    start_timecode,
    stream_number,
    timing_of,
)
from .guarded_file import GuardedFile, Retries
from .metadata import plain_text_fields
from .presentation import presentation

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_BAD_PACKETS_IN_A_ROW = 2000
PACKETS_AHEAD = 8
"""So many packets after a new start of the clock hold the first picture that is shown."""
MAX_BYTES_BEFORE_A_FRAME = 32 * 1024 * 1024
"""A file that gives no frame in so many bytes of video holds none, or is none."""
SHORT_SECONDS = 0.5
SHORT_SHARE = 0.05
"""Where only a duration is known: a video that ends earlier by both of these is cut off."""


def _quiet() -> None:
    """Do nothing: the pulse where there is no listener."""


@dataclass
class Stream:
    """An open video: container, the chosen video stream, and what went wrong so far.

    `beat` is called for every packet: a decoder that still gets somewhere can say so.
    """

    path: str
    threads: int
    beat: Callable[[], None]
    choice: Choice
    container: InputContainer
    video: VideoStream
    file: GuardedFile | None = None
    bad_packets: int = 0
    warnings: list[str] = field(default_factory=list)
    ended_early: bool = False
    read_whole: bool = False
    short_packet: bool = False
    """whether the last packet read was a part of one"""
    shown_end: float = 0.0
    """when the last frame decoded so far ends, in seconds since the container's start"""
    clock: PacketClock = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.start_clock()

    def start_clock(self) -> None:
        """Begin to follow time stamps: after opening, or after going elsewhere in the file."""
        name, step = self.container.format.name, step_seconds(self)
        self.clock = PacketClock(self.video.time_base, name, step)

    @property
    def origin_seconds(self) -> float:
        """Where the container's clock starts."""
        return _origin(self.container, self.video)

    @property
    def untimed(self) -> bool:
        """Return whether frames are timed by a rate that was asked for, and not by the file."""
        return self.choice.raw_rate is not None and is_raw(self.container)


@contextmanager
def open_video(
    path: str, threads: int, beat: Callable[[], None] = _quiet, choice: Choice | None = None
) -> Iterator[Stream]:
    """Open a video stream of a file. Raises Unreadable or FileNotFoundError."""
    wanted = choice or Choice()
    stream = Stream(path, threads, beat, wanted, *opened(path, threads, wanted, beat))
    try:
        yield stream
    finally:
        _close(stream)


def _close(stream: Stream) -> None:
    stream.container.close()
    if stream.file is not None:
        stream.file.close()


@contextmanager
def open_again(stream: Stream, threads: int = 1) -> Iterator[Stream]:
    """Open the same stream of the same file beside one that is open."""
    with open_video(stream.path, threads, stream.beat, stream.choice) as beside:
        yield beside


def rewind(stream: Stream) -> None:
    """Start over, as if nothing had been read: not every container can seek to its beginning."""
    _close(stream)
    again = opened(stream.path, stream.threads, stream.choice, stream.beat)
    stream.container, stream.video, stream.file = again
    stream.bad_packets, stream.ended_early, stream.shown_end = 0, False, 0.0
    stream.read_whole = stream.short_packet = False
    stream.warnings.clear()
    stream.start_clock()


def probe_video(
    path: str,
    content: str,
    size_bytes: int,
    max_pixels: float,
    beat: Callable[[], None] = _quiet,
    choice: Choice | None = None,
) -> SourceInfo:
    """Return what the container says and what its first frame shows. Raises SourceError."""
    with open_video(path, threads=1, beat=beat, choice=choice) as stream:
        context = stream.video.codec_context
        _check_size(context.width, context.height, max_pixels)
        first = next(decode(stream), None)
        if first is None:
            raise Unreadable(f"holds no frame that can be decoded{_why_no_frame(stream)}")
        _check_size(first.frame.width, first.frame.height, max_pixels)
        info = _info(stream, first, content, size_bytes)
        _check_size(info.width, info.height, max_pixels)
        return info


def _why_no_frame(stream: Stream) -> str:
    empty = stream.file.empty_rest if stream.file else ""
    why = f": {empty}" if empty else "; it may be cut off or only a header"
    return f"{why}; copy it again from its origin"


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
    step = step_seconds(stream)
    clock = FrameClock(seconds_of(stream), step)
    for index, frame in enumerate(_frames(stream), first_index):
        seconds = clock.seconds(None if stream.untimed else frame.pts)
        stream.shown_end = seconds + step
        yield Decoded(index, seconds, frame)


def step_seconds(stream: Stream) -> float:
    """Return the usual time between two frames."""
    return 1.0 / rate_of(stream.container, stream.video, stream.choice)


def seconds_of(stream: Stream) -> Callable[[int], float]:
    """Return what turns time stamps of the stream into seconds since the container's start."""
    base, origin = stream.video.time_base, stream.origin_seconds
    over, under = (base.numerator, base.denominator) if base else (1, 1)
    return lambda pts: pts * over / under - origin


def read_end_seconds(stream: Stream) -> float:
    """Return when the last frame read ends, in seconds since the container's start."""
    end = None if stream.untimed else stream.clock.end_seconds
    return stream.shown_end if end is None else max(end - stream.origin_seconds, 0.0)


def how_it_ended(stream: Stream) -> dict[str, Any]:
    """Return what reading a video came to, as plain values.

    `end_seconds` is when its last frame ends, None unless it was read to its end.
    """
    joined = len(stream.clock.joined_at)
    if joined:
        at = ", ".join(f"{at - stream.origin_seconds:.3f} s" for at in stream.clock.joined_at[:3])
        more = " and so on" if joined > 3 else ""
        stream.warnings.append(
            f"{joined + 1} recordings are joined: the clock restarts at {at}{more}"
        )
    stream.warnings.extend(stream.file.passed_over if stream.file else [])
    return {
        "bad_packets": stream.bad_packets,
        "ended_early": stream.ended_early,
        "cut_off": cut_off(stream),
        "end_seconds": (read_end_seconds(stream) or None) if stream.read_whole else None,
        "warnings": stream.warnings[:20],
    }


def cut_off(stream: Stream) -> str:
    """Return why a file that was read counts as cut off, or an empty string.

    A container that says where it ends is believed; where it does not, the video's own duration
    is, never the rate of its frames and never the sound's length. A file of full size may still
    hold nothing at its end, as an unfinished copy does: where readers pass over what is no packet,
    the duration counts as well.
    """
    if stream.file and (empty := stream.file.empty_rest):
        return f"{empty}; the part before it was read, up to {read_end_seconds(stream):.2f} s"
    if stream.ended_early:
        return "the container ends early"
    broken = breaks_off(stream.path, stream.container, stream.video)
    if broken or (broken is None and stream.short_packet):
        return "the file ends inside a packet"
    own = own_end_seconds(stream.container, stream.video)
    if own is None or not stream.read_whole:
        return ""
    if broken is not None and not may_hide_a_loss(stream.container):
        return ""
    end, own = read_end_seconds(stream), own - stream.origin_seconds
    if own - end <= max(SHORT_SECONDS, SHORT_SHARE * own):
        return ""
    return f"the video ends at {end:.2f} s of {own:.2f} s"


def _frames(stream: Stream) -> Iterator[VideoFrame]:
    bad_in_a_row, silent = 0, 0.0
    for packet in packets(stream):
        bad_before = stream.bad_packets
        frames = decode_packet(stream, packet)
        yield from frames
        silent = -math.inf if frames else silent + packet.size
        bad_in_a_row = bad_in_a_row + 1 if stream.bad_packets > bad_before else 0
        if bad_in_a_row > MAX_BAD_PACKETS_IN_A_ROW or silent > MAX_BYTES_BEFORE_A_FRAME:
            stream.ended_early = True
            return


def packets(stream: Stream) -> Iterator[Any]:
    """Yield packets with repaired time stamps; what breaks off ends them, `ended_early` set."""
    read, ahead = _packets(stream), deque[Any]()
    clock = stream.clock
    while True:
        packet = ahead.popleft() if ahead else next(read, None)
        if packet is None:
            return
        if packet.size:
            clock.correct(packet)
            if clock.starts_anew(packet):
                ahead.extend(islice(read, PACKETS_AHEAD - len(ahead)))
            clock.repair(packet, ahead)
        yield packet


def _packets(stream: Stream) -> Iterator[Any]:
    import av

    packets, retries = stream.container.demux(stream.video), Retries()
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.EOFError):
            stream.read_whole = True
            return
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            if isinstance(error, BlockingIOError) and retries.again(stream.file):
                packets = stream.container.demux(stream.video)
                continue
            stream.ended_early = True
            stream.warnings.append(f"the container ends early ({words(error)})")
            return
        stream.beat()
        if packet.size:
            _note(stream, packet)
        yield packet


def _note(stream: Stream, packet: Any) -> None:
    stream.short_packet = packet.is_corrupt
    if stream.file is not None:
        stream.file.packet_seen()


def decode_packet(stream: Stream, packet: Any) -> list[VideoFrame]:
    """Return the frames a packet completes; a damaged one gives none and is counted.

    An empty packet inside a stream says that the last picture stays: it gives none.
    """
    import av

    if not packet.size and (packet.pts is not None or packet.dts is not None):
        return []
    try:
        return list(packet.decode())
    except av.error.EOFError:
        return []
    except MemoryError:  # not the packet's fault: skipping it would lose good frames
        raise
    except BlockingIOError as error:
        raise MemoryError("not enough memory for the decoder's threads") from error
    except av.error.FFmpegError:
        stream.bad_packets += 1
        return []


def _check_size(width: int, height: int, max_pixels: float) -> None:
    if width * height > max_pixels:
        raise TooLarge(
            f"{width}x{height} is over limits.max_megapixels = {max_pixels / 1e6:g}; "
            "raise it if you trust the file"
        )


def _origin(container: InputContainer, video: VideoStream) -> float:
    own = None
    if video.start_time is not None and video.time_base is not None:
        own = float(video.start_time * video.time_base)
    if container.start_time is None:
        return own or 0.0
    start = container.start_time / 1_000_000
    # FFmpeg rounds it to microseconds: the first frame of a stream would come before time 0.
    same = own is not None and abs(own - start) <= 1e-6
    return own if own is not None and same and container.format.name in STREAM_FORMATS else start


def _info(stream: Stream, first: Decoded, content: str, size_bytes: int) -> SourceInfo:
    video, container = stream.video, stream.container
    shape = presentation(video, first.frame)
    rate = known_rate(container, video, stream.choice)
    duration = duration_seconds(container, video, stream.origin_seconds)
    shown = None if duration is None else duration - first.seconds
    return SourceInfo(
        path=stream.path,
        kind="video",
        content=content,
        size_bytes=size_bytes,
        width=shape.width,
        height=shape.height,
        container=container.format.name,
        codec=video.codec_context.name,
        pixel_format=str(video.codec_context.pix_fmt or first.frame.format.name),
        rotation_degrees=shape.rotation_degrees,
        frame_rate=rate,
        frame_count=frames_promised(container, video, shown, rate),
        duration_seconds=duration,
        start_seconds=stream.origin_seconds,
        metadata=plain_text_fields({**container.metadata, **_stream_facts(stream), **shape.facts}),
        warnings=(*not_looked_at(container, stream.choice), *shape.warnings),
        stream=stream_number(container, video),
        timing=timing_of(container, video),
        pixels=shape.pixels,
    )


def _stream_facts(stream: Stream) -> dict[str, Any]:
    facts: dict[str, Any] = {"video_streams": str(len(film_streams(stream.container)))}
    return facts | start_timecode(stream.container, stream.video)
