"""Opening containers: which formats are read, what is refused at once, which stream is taken.

Runs inside the reader process (see `reader.py`), where a crash costs one file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import Unreadable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_FORMATS = (
    "mov matroska webm avi mpegts mpeg mpegvideo h264 hevc vvc av1 obu m4v ivf ogg flv live_flv "
    "kux asf asf_o wtv mxf mxf_d10 gxf dv dhav nut gif apng rm yuv4mpegpipe h261 h263 vc1 vc1test "
    "cavsvideo dirac avs2 avs3 evc apv mjpeg mjpeg_2000 mpjpeg smjpeg ingenient dnxhd nsv nuv pva "
    "lmlm4 mlv r3d cine film_cpk roq flic vivo ty swf ipu bink smk 4xm lvf ifv vividas "
    "image2 jpeg_pipe png_pipe webp_pipe bmp_pipe tiff_pipe jpegxl_pipe"
)
"""FFmpeg's names of what is opened. Its text and play list formats read a file of any size to its
end before they refuse it, and play lists name other files."""

RAW_FORMATS = frozenset(
    (
        *("h264", "hevc", "vvc", "m4v", "mpegvideo", "av1", "obu", "h261", "h263", "vc1"),
        *("cavsvideo", "dirac", "avs2", "avs3", "evc", "apv", "mjpeg", "mjpeg_2000", "dnxhd"),
    )
)
"""elementary streams: frames in a row, without a container and mostly without times"""
_HEAD_BYTES = 8 * 1024 * 1024
_RAW_ENDINGS = {
    ".h264": "h264", ".264": "h264", ".avc": "h264", ".h26l": "h264",
    ".h265": "hevc", ".265": "hevc", ".hevc": "hevc",
}  # fmt: skip
"""endings that FFmpeg trusts more than what the file holds"""
_PLAY_LISTS = (b"#EXTM3U", b"ffconcat", b"v=0\r\n", b"v=0\n", b"[playlist]")

_ATTACHED_PICTURE = 0x400
_TIMED_THUMBNAILS = 0x800
_STILL_IMAGE = 0x100000
_PICTURE_CODECS = frozenset(
    ("mjpeg", "png", "apng", "bmp", "tiff", "webp", "gif", "jpeg2000", "jpegls", "ppm", "targa")
)
_STILL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Choice:
    """Which video stream is read (None: the one a player takes), and the rate of raw streams."""

    stream: int | None = None
    raw_rate: float | None = None


def opened(path: str, threads: int, choice: Choice) -> tuple[InputContainer, VideoStream]:
    """Open a file and choose its video stream. Raises Unreadable or FileNotFoundError."""
    container = _container(path)
    try:
        video = _chosen(container, choice)
        video.thread_type = "AUTO" if threads != 1 else "SLICE"
        video.codec_context.thread_count = threads
    except BaseException:
        container.close()
        raise
    return container, video


def film_streams(container: InputContainer) -> list[VideoStream]:
    """Return the video streams that are no stills: cover art, thumbnails and single pictures."""
    streams = list(container.streams.video)
    films = [stream for stream in streams if not _is_still(stream, alone=len(streams) == 1)]
    return films or [s for s in streams if not _flagged(s, _ATTACHED_PICTURE)]


def words(error: Exception) -> str:
    """Return what FFmpeg says of an error, in a few words."""
    return str(getattr(error, "strerror", None) or error).strip().lower() or type(error).__name__


def is_raw(container: InputContainer) -> bool:
    """Tell whether a file is an elementary stream."""
    return container.format.name in RAW_FORMATS


def _chosen(container: InputContainer, choice: Choice) -> VideoStream:
    name = container.format.name
    if name.endswith("_pipe") or name.startswith("image2"):
        raise Unreadable("a single picture under a video's name; rename it after its true format")
    films = film_streams(container)
    if not films:
        raise Unreadable("holds no video stream")
    if choice.stream is None:
        return _default(container, films)
    if choice.stream >= len(films):
        known = "one video stream, number 0" if len(films) == 1 else f"{len(films)} video streams"
        raise Unreadable(f"holds {known}; sampling.stream = {choice.stream} is none of them")
    return films[choice.stream]


def _default(container: InputContainer, films: list[VideoStream]) -> VideoStream:
    """Return the stream players take; where that one is a still, the largest film."""
    best: Any = container.streams.best("video")
    for film in films:
        if best is not None and film.index == best.index:
            return film
    return max(films, key=lambda film: film.codec_context.width * film.codec_context.height)


def _is_still(stream: VideoStream, *, alone: bool) -> bool:
    if _flagged(stream, _ATTACHED_PICTURE | _TIMED_THUMBNAILS):
        return True
    if alone:
        return False
    if _flagged(stream, _STILL_IMAGE) or stream.frames == 1:
        return True
    lasts = _seconds_it_lasts(stream)
    if stream.codec_context.name not in _PICTURE_CODECS:
        return False
    if lasts is not None:
        return lasts < _STILL_SECONDS
    return len(stream.index_entries) == 1


def _seconds_it_lasts(stream: VideoStream) -> float | None:
    tagged = tagged_duration(stream)
    if tagged is not None:
        return tagged
    if stream.duration is None or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def tagged_duration(stream: VideoStream) -> float | None:
    """Return where Matroska's own tag says that a stream ends, in seconds of its clock."""
    for name, text in stream.metadata.items():
        if name == "DURATION" or name.startswith("DURATION-"):
            try:
                hours, minutes, seconds = text.split(":")
                return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            except ValueError:
                continue
    return None


def _flagged(stream: VideoStream, flags: int) -> bool:
    return bool(int(getattr(stream, "disposition", 0)) & flags)


def _container(path: str) -> InputContainer:
    import av

    # Any other level calls Python from FFmpeg's threads, which deadlocks against a close.
    av.logging.set_level(None)
    _check_head(path)
    # PyAV 19 has no such parameter any more: it always replaces what is not UTF-8.
    odd: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__[:2]) < 19 else {}
    try:
        # No name is ever taken for an address: whatever is opened is a file on this machine.
        container: InputContainer = av.open(f"file:{path}", options=_open_options(), **odd)
        return container
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        # A play list may miss a file as well; that one did not vanish.
        if isinstance(error, FileNotFoundError) and not os.path.exists(path):
            raise
        raise Unreadable(
            f"not a video FFmpeg can open ({words(error)}); check that it is one, and whole"
        ) from error


def _open_options() -> dict[str, str]:
    return {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(_FORMATS.split()),
        # Padding and damage in front of a stream may be some MiB long; FFmpeg's own limit is 1.
        "formatprobesize": str(_HEAD_BYTES),
    }


def _check_head(path: str) -> None:
    """Refuse by a first look what FFmpeg would read to its end before it refuses it."""
    raw = _RAW_ENDINGS.get(os.path.splitext(path)[1].lower())
    with open(path, "rb", buffering=0) as file:
        head = file.read(4096)
        if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_PLAY_LISTS):
            raise Unreadable("a play list, not a video; name the files it stands for")
        if raw is None or not _may_be_raw(head):
            return
        file.seek(0)
        if not _holds_parameters(file.read(_HEAD_BYTES), raw):
            raise Unreadable(
                f"not a video FFmpeg can open (no {raw} stream begins in its first "
                f"{_HEAD_BYTES >> 20} MiB); check that it is one, and whole"
            )


def _may_be_raw(head: bytes) -> bool:
    """Tell whether a head is that of no container: its ending would win over its content."""
    known = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
    return head[4:8] not in known and not head.startswith((b"\x1aE\xdf\xa3", b"RIFF", b"OggS"))


def _holds_parameters(head: bytes, codec: str) -> bool:
    """Tell whether a parameter set stands in a head: FFmpeg finds no size without one."""
    at = head.find(b"\0\0\1")
    while at >= 0 and at + 3 < len(head):
        kind = head[at + 3]
        if kind & 0x9F == 7 if codec == "h264" else kind >> 1 in (32, 33):
            return True
        at = head.find(b"\0\0\1", at + 3)
    return head[:1] == b"G"  # a transport stream under the wrong name
