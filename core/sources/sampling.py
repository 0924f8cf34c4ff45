"""Which frames of a video are looked at, and who decodes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..text import counted
from .aspect import SQUARE, display_size, pixel_aspect
from .colour import StreamReading, colour_frame, shown_size
from .colour_tags import reading
from .luma import Scratch, reduce_frame, reduced_size, reduction
from .orientation import AS_STORED, orientation
from .seek import decode_from
from .survey import Survey, keyframes, survey
from .video import Decoded, Stream, decode, open_again

if TYPE_CHECKING:
    from av import VideoFrame

DECORD_BATCH = 16
# decord 0.6 holds an FFmpeg of 2017. Elsewhere its seeks were seen to give wrong frames (HEVC,
# MPEG-2, transport streams) or its colours were off (10 bits and more).
DECORD_CODECS = frozenset(("h264", "vp8", "vp9"))
DECORD_CONTAINERS = frozenset(("mov", "mp4", "matroska", "webm"))
ALIKE_LUMA = 5.0
"""Mean difference of luma up to which two scalers are taken to show the same picture."""
ALIKE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Sampled:
    """One frame that is looked at: its number and time in the source, and its pixels.

    Those are reduced luma, uint8 (height, width), or RGB, uint8 (height, width, 3); each stands
    for a square of `scale` source pixels.
    """

    index: int
    seconds: float
    pixels: NDArray[np.uint8]
    scale: float


@dataclass(frozen=True, slots=True)
class Sampler:
    """Frames in order, and which reader decodes them for which reason."""

    frames: Iterator[Sampled]
    reader: str
    why: str


def sample(stream: Stream, request: dict[str, Any]) -> Sampler:
    """Return the frames a request asks for, the first `skip` of them left out.

    `request` holds `mode`, `fps`, `count`, `max_frames`, `reader`, `skip`, `skip_seconds` and
    `threads`, as in `Sampling`; and `colour`: None for reduced luma, else the longest side of RGB.
    """
    mode, skip = request["mode"], int(request["skip"])
    if mode == "every":
        items = decode_from(stream, skip, float(request["skip_seconds"]))
        return Sampler(
            _shown(stream, _capped(items, request), request), "pyav", "every frame is read"
        )
    if mode == "keyframes":
        items = islice(keyframes(stream), skip, None)
        return Sampler(
            _shown(stream, _capped(items, request), request), "pyav", "keyframes are read"
        )
    return _sampled_by_time(stream, request)


def wanted_indices(times: Sequence[float], request: dict[str, Any]) -> list[int]:
    """Return the frame numbers to look at, ascending.

    `fps`: the first frame at or after each multiple of 1/fps since the first frame. `count`: as
    many frames evenly spread, the middle frame of each share.
    """
    total = len(times)
    if request["mode"] == "count":
        count = min(int(request["count"]), total)
        return [int((share + 0.5) * total / count) for share in range(count)]
    due = _Due(float(request["fps"]))
    return [index for index, seconds in enumerate(times) if due.at(seconds)]


class _Due:
    """Picks the first time at or after each multiple of 1/fps since the first one."""

    def __init__(self, fps: float) -> None:
        self._step = 1.0 / fps
        self._next: float | None = None

    def at(self, seconds: float) -> bool:
        """Return whether the next frame, at `seconds`, is looked at."""
        due = seconds if self._next is None else self._next
        if seconds < due - 1e-6:
            return False
        self._next = due + self._step * max(1, math.ceil((seconds - due + 1e-6) / self._step))
        return True


def _sampled_by_time(stream: Stream, request: dict[str, Any]) -> Sampler:
    found, reader, why = _choose(stream, request)
    skip = int(request["skip"])
    if reader is not None and found is not None:
        # Where decord gives up, numbers depend on what came before: it must come before again.
        frames = islice(_by_decord(stream, reader, found, request), skip, None)
        return Sampler(_capped(frames, request), "decord", why)
    items = _by_pyav(stream, request, found)
    return Sampler(
        _shown(stream, _capped(islice(items, skip, None), request), request), "pyav", why
    )


def _by_pyav(stream: Stream, request: dict[str, Any], found: Survey | None) -> Iterator[Decoded]:
    """Yield the wanted frames out of all, which are numbered as every-frame reading does."""
    if request["mode"] == "fps":
        due = _Due(float(request["fps"]))
        return (item for item in decode(stream) if due.at(item.seconds))
    times = (found or _surveyed(stream)).times
    return _at_indices(stream, wanted_indices(times, request))


def _at_indices(stream: Stream, wanted: Sequence[int]) -> Iterator[Decoded]:
    if not wanted:
        return
    pending = frozenset(wanted)
    for item in decode(stream):
        if item.index in pending:
            yield item
        if item.index >= wanted[-1]:
            return


def _surveyed(stream: Stream) -> Survey:
    with open_again(stream) as table:
        return survey(table)


def _choose(stream: Stream, request: dict[str, Any]) -> tuple[Survey | None, Any, str]:
    """Return (survey if one was made, decord's reader or None, the reason)."""
    if request["reader"] == "pyav":
        return None, None, "asked for"
    found: Survey | None = None
    reader, why = None, _no_decord(stream)
    if not why:
        found = _surveyed(stream)
        reader, why = _decord(stream, found, request)
    if reader is None and request["reader"] == "decord":
        from ..errors import Unreadable

        raise Unreadable(f"{why}; use sampling.reader = 'auto'")
    return found, reader, why


def _no_decord(stream: Stream) -> str:
    """Say why decord is out of the question, by what is known without reading; or nothing."""
    from importlib.util import find_spec

    if (stream.choice.loop_filter, stream.choice.decoder) != ("full", "software"):
        return "decord has no setting for the loop filter or the decoding device"
    codec, container = stream.video.codec_context.name, stream.container.format.name
    if codec not in DECORD_CODECS or not DECORD_CONTAINERS.intersection(container.split(",")):
        return f"decord is not used for {codec} in {container.split(',')[0]}"
    best: Any = stream.container.streams.best("video")
    if best is None or best.index != stream.video.index:
        return "decord reads another stream than was asked for"
    if find_spec("decord") is None:
        return "decord is not installed here"
    return ""


def _decord(stream: Stream, found: Survey, request: dict[str, Any]) -> tuple[Any, str]:
    """Return (decord's reader or None, the reason), None unless it agrees with PyAV."""
    if not found.closed:
        return None, "frames refer to others across keyframes, which decord's seeking gets wrong"
    with open_again(stream) as peek:
        first = next(decode(peek), None)
    if first is None or orientation(first.frame) != AS_STORED:
        return None, "the picture is rotated, which decord's scaler gets wrong"
    if request["colour"] is not None and (why := _other_colours(stream, first.frame)):
        return None, why
    reader, why = _open_decord(stream, request)
    if reader is not None:
        why = _disagreement(stream, reader, found.times, first)
    return (None, why) if why else (reader, "it agrees with the container and with PyAV")


def _other_colours(stream: Stream, frame: VideoFrame) -> str:
    """Say why decord's RGB would be another than ours, or nothing.

    Its FFmpeg converts by the tags alone, and leaves pixels as they are shaped.
    """
    if pixel_aspect(stream.video) != SQUARE:
        return "its pixels are not square, which decord does not know"
    how = reading(frame).identity
    return f"decord does not convert colours so ({how})" if how else ""


def _open_decord(stream: Stream, request: dict[str, Any]) -> tuple[Any, str]:
    import decord

    width, height = _decord_size(stream, request)
    try:
        decord.logging.set_level(decord.logging.QUIET)
        threads = int(request["threads"])
        return decord.VideoReader(stream.path, width=width, height=height, num_threads=threads), ""
    except Exception:  # decord raises its own error class for every cause, with a C++ stack
        return None, "decord cannot open it"


def _decord_size(stream: Stream, request: dict[str, Any]) -> tuple[int, int]:
    context = stream.video.codec_context
    if request["colour"] is None:
        return reduced_size(context.width, context.height)
    return shown_size(context.width, context.height, int(request["colour"]))


def _disagreement(stream: Stream, reader: Any, times: list[float], first: Decoded) -> str:
    """Say in what decord's count, times or first frame differ from PyAV's, or nothing."""
    if len(reader) != len(times):
        return f"decord counts {counted(len(reader), 'frame')}, the container {len(times)}"
    try:
        stamps = np.asarray(reader.get_frame_timestamp(range(len(times))), np.float64)[:, 0]
        seen = reader.get_batch([0])
        luma = _decord_luma(stream, seen)[0]
    except Exception:
        return "decord cannot decode its first frame"
    if not np.allclose(
        stamps - stamps[0], np.array(times) - times[0], rtol=1e-6, atol=ALIKE_SECONDS
    ):
        return "decord gives other times than the container"
    if np.abs(luma - _luma_at(first.frame, luma.shape)).mean() > ALIKE_LUMA:
        return "decord shows another first frame than PyAV"
    return ""


def _luma_at(frame: VideoFrame, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a frame's luma at a size, as reduced luma is where that is its size."""
    reduced = reduce_frame(frame, Scratch())
    if reduced.shape == shape:
        return reduced.astype(np.float64)
    small = frame.reformat(width=shape[1], height=shape[0], format="gray", interpolation="AREA")
    return small.to_ndarray().astype(np.float64)


def _by_decord(
    stream: Stream, reader: Any, found: Survey, request: dict[str, Any]
) -> Iterator[Sampled]:
    wanted = wanted_indices(found.times, request)
    context = stream.video.codec_context
    width, height = _decord_size(stream, request)
    scale = max(context.width, context.height) / max(width, height)
    if request["colour"] is None:
        scale = float(reduction(context.width, context.height))
    for start in range(0, len(wanted), DECORD_BATCH):
        indices = wanted[start : start + DECORD_BATCH]
        stream.beat()
        try:
            batch = reader.get_batch(indices)
            pixels = (
                batch.asnumpy() if request["colour"] is not None else _decord_luma(stream, batch)
            )
        except Exception:  # damage ends decord; PyAV skips the damaged packet and continues
            stream.warnings.append(f"decord gave up at frame {indices[0]}; PyAV read the rest")
            yield from _shown(
                stream, islice(_by_pyav(stream, request, found), start, None), request
            )
            return
        for row, index in enumerate(indices):
            yield Sampled(index, found.times[index], pixels[row], scale)


def _decord_luma(stream: Stream, batch: Any) -> NDArray[np.uint8]:
    """Return luma as PyAV gives it, from RGB: 16 to 235 unless the video uses the full range."""
    # BT.601 weights in 1/256, as FFmpeg's own gray conversion uses.
    full = (batch.asnumpy() @ np.array([77, 150, 29], np.uint16)).astype(np.uint32)
    context = stream.video.codec_context
    if int(context.color_range) == 2 or str(context.pix_fmt).startswith("yuvj"):
        return np.asarray(full >> 8, np.uint8)
    return np.asarray(16 + (full * 219 // 255 + 128 >> 8), np.uint8)


def _shown(stream: Stream, items: Iterator[Decoded], request: dict[str, Any]) -> Iterator[Sampled]:
    scratch, known, aspect = Scratch(), StreamReading(), pixel_aspect(stream.video)
    for item in items:
        pixels = _pixels(item.frame, request, scratch, known, aspect)
        yield Sampled(item.index, item.seconds, *pixels)


def _pixels(
    frame: VideoFrame,
    request: dict[str, Any],
    scratch: Scratch,
    known: StreamReading,
    aspect: Fraction,
) -> tuple[NDArray[np.uint8], float]:
    if request["colour"] is None:
        return reduce_frame(frame, scratch), float(reduction(frame.width, frame.height))
    pixels = colour_frame(frame, int(request["colour"]), aspect, known)
    whole = display_size(frame.width, frame.height, aspect)
    return pixels, max(whole) / max(pixels.shape[:2])


def _capped(items: Iterator[Any], request: dict[str, Any]) -> Iterator[Any]:
    most = request["max_frames"]
    return items if most is None else islice(items, max(int(most) - int(request["skip"]), 0))
