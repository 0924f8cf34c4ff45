"""Opening containers: which formats are read, what is refused at once, which stream is taken.

Runs inside the reader process (see `reader.py`), where a crash costs one file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import Unreadable
from ..text import counted
from .ending import has_boxes, lacks_index
from .file_locator import FileLocator
from .guarded_file import MOST_SEARCHED_MIB, GuardedFile
from .hardware import SOFTWARE, device
from .moving import as_stream, is_webp

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
_BY_NAME_ALONE = {
    **dict.fromkeys(
        (".h264", ".264", ".avc", ".h26l", ".26l", ".jvt"), rb"\x00\x00\x01[\x07\x27\x47\x67]"
    ),
    **dict.fromkeys((".h265", ".265", ".hevc"), rb"\x00\x00\x01[\x40-\x43]"),
    **dict.fromkeys(
        (".m4v", ".m1v", ".m2v", ".mpv", ".vc1", ".cavs", ".vvc", ".266"), rb"\x00\x00\x01"
    ),
    **dict.fromkeys((".mjpg", ".mjpeg"), rb"\xff\xd8\xff"),
    ".dav": rb"DHAV|DAHUA",
}
"""What must be in the head of a file for which FFmpeg takes its name's ending as enough: a
parameter set, a start code, a marker. It would read a file without one to its end."""
_ENDINGS_TAKEN = RAW_FORMATS | {"dhav"}
_PACKETS = ((188, 0), (192, 4), (204, 0))
"""lengths of transport packets, and how many bytes come before the one that starts them"""
_PACKETS_IN_A_ROW = 30
"""fewer occur in a file of something else by chance"""
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
    most_searched_mib: int = MOST_SEARCHED_MIB
    """how far the next packet is searched for where the content is damaged"""
    loop_filter: str = "full"
    decoder: str = SOFTWARE
    """both as in `Sampling`"""


def opened(
    path: str, threads: int, choice: Choice, beat: Callable[[], None]
) -> tuple[InputContainer, VideoStream, GuardedFile | None]:
    """Open a file and choose its video stream. Raises Unreadable or FileNotFoundError.

    The file is None where FFmpeg opened it by itself.
    """
    container, file = _container(path, choice, beat)
    try:
        video = _chosen(container, choice)
        _prepare_decoder(video, threads, choice)
    except BaseException:
        container.close()
        _close(file)
        raise
    return container, video, file


def _prepare_decoder(video: VideoStream, threads: int, choice: Choice) -> None:
    context = video.codec_context
    if choice.loop_filter == "skip":
        context.options = {**context.options, "skip_loop_filter": "all"}
    # A device has engines of its own: more threads would only hold more of its memory.
    several = threads != 1 and not context.is_hwaccel
    video.thread_type = "AUTO" if several else "SLICE"
    context.thread_count = threads if several else 1


def film_streams(container: InputContainer) -> list[VideoStream]:
    """Return the video streams that are no stills: cover art, thumbnails and single pictures."""
    # What looks like a stream in damage has no codec.
    streams = [stream for stream in container.streams.video if stream.codec_context is not None]
    films = [stream for stream in streams if not _is_still(stream, alone=len(streams) == 1)]
    return films or [s for s in streams if not _flagged(s, _ATTACHED_PICTURE)]


def words(error: Exception) -> str:
    """Return what FFmpeg says of an error, in a few words."""
    return str(getattr(error, "strerror", None) or error).strip().lower() or type(error).__name__


def is_raw(container: InputContainer) -> bool:
    """Return whether a file is an elementary stream."""
    return container.format.name in RAW_FORMATS


def _chosen(container: InputContainer, choice: Choice) -> VideoStream:
    name = container.format.name
    if name.endswith("_pipe") or name.startswith("image2"):
        raise Unreadable("a single picture under a video's name; rename it to match its format")
    films = film_streams(container)
    if not films:
        raise Unreadable("holds no video stream")
    if choice.stream is None:
        return _default(container, films)
    if choice.stream >= len(films):
        known = counted(len(films), "video stream, number 0", "video streams")
        raise Unreadable(f"holds {known}; sampling.stream = {choice.stream} does not exist")
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


_Opened = tuple["InputContainer", GuardedFile | None]


def _container(path: str, choice: Choice, beat: Callable[[], None]) -> _Opened:
    import av

    # Any other level calls Python from FFmpeg's threads, which deadlocks against a close.
    av.logging.set_level(None)
    formats = _formats_for(path)
    try:
        # FFmpeg reads the first frame of a WebP, if any.
        if is_webp(path):
            return _open(as_stream(path, beat), formats, choice), None
        if has_boxes(path):  # FFmpeg goes by their sizes and an index: it searches for nothing
            return _open(f"file:{path}", formats, choice), None
        return _open_guarded(path, formats, choice, beat)
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        # A play list may miss a file as well; that one did not vanish.
        if isinstance(error, FileNotFoundError) and not FileLocator(path).exists():
            raise
        behind = _behind_padding(path, formats, choice, beat)
        if behind is not None:
            return behind
        raise Unreadable(_why_not(path, error)) from error


def _open_guarded(
    path: str,
    formats: str,
    choice: Choice,
    beat: Callable[[], None],
    skip: int = 0,
    form: str | None = None,
) -> _Opened:
    file = GuardedFile(path, beat, choice.most_searched_mib, skip)
    try:
        return _open(file, formats, choice, skip, form), file
    except BaseException:
        file.close()
        raise


def _close(file: GuardedFile | None) -> None:
    if file is not None:
        file.close()


def _why_not(path: str, error: Exception) -> str:
    if lacks_index(path):
        return (
            "cut off: its index (the moov box), without which it cannot be read, is missing; "
            "copy it again from its origin"
        )
    said = "of no video format" if isinstance(error, ValueError) else words(error)
    return f"not a video FFmpeg can open ({said}); check that it is a complete video"


def _open(
    source: Any, formats: str, choice: Choice, skip: int = 0, form: str | None = None
) -> InputContainer:
    import av

    # PyAV 19 has no such parameter any more: it always replaces what is not UTF-8.
    odd: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__[:2]) < 19 else {}
    # No name is ever taken for an address: whatever is opened is a file on this machine.
    options = {"protocol_whitelist": "file", "format_whitelist": formats}
    if skip:
        options["skip_initial_bytes"] = str(skip)
    container: InputContainer = av.open(
        source, format=form, options=options, hwaccel=device(choice.decoder).accelerator(), **odd
    )
    return container


def _formats_for(path: str) -> str:
    """Return the formats to try, by a first look that takes no time in a file of any size."""
    ending = os.path.splitext(path)[1].lower()
    with open(path, "rb", buffering=0) as file:
        head = file.read(4096)
        if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_PLAY_LISTS):
            raise Unreadable("a playlist, not a video; name the files it lists")
        pattern = _BY_NAME_ALONE.get(ending)
        if pattern is None:
            return ",".join(_FORMATS.split())
        head += file.read(_HEAD_BYTES)
    taken = frozenset() if re.search(pattern, head) else _ENDINGS_TAKEN
    return ",".join(name for name in _FORMATS.split() if name not in taken)


def _behind_padding(
    path: str, formats: str, choice: Choice, beat: Callable[[], None]
) -> _Opened | None:
    """Open a transport or program stream that begins some MiB into the file, if there is one.

    Recorders leave zeros or the rest of an older file there; FFmpeg looks at 1 MiB only.
    """
    import av

    with open(path, "rb", buffering=0) as file:
        head = file.read(_HEAD_BYTES)
    found = _first_packets(head)
    if found is None:
        return None
    try:
        return _open_guarded(path, formats, choice, beat, *found)
    except (av.error.FFmpegError, ValueError):
        return None


def _first_packets(head: bytes) -> tuple[int, str] | None:
    """Return where the first packets of a transport or program stream stand, and its format."""
    for length, before in _PACKETS:
        gap = rb".{%d}" % (length - 1)
        found = re.search(gap.join([b"G"] * _PACKETS_IN_A_ROW), head, re.DOTALL)
        if found and found.start() >= before:
            return found.start() - before, "mpegts"
    at = head.find(b"\0\0\1\xba")
    if at >= 0 and head.find(b"\0\0\1\xe0", at) >= 0 and not head[:at].strip(b"\0"):
        return at, "mpeg"
    return None
