"""Which frames of a video are looked at, and who decodes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .luma import reduce_frame, reduced_size, reduction
from .video import Stream, decode, decode_from, frame_times, keyframes, open_video

DECORD_BATCH = 16


@dataclass(frozen=True, slots=True)
class Sampled:
    """One frame that is looked at: its number and time in the source, its reduced luma."""

    index: int
    seconds: float
    luma: NDArray[np.uint8]
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
    `threads`, as in `spec.Sampling`.
    """
    mode, skip = request["mode"], int(request["skip"])
    if mode == "every":
        items = decode_from(stream, skip, float(request["skip_seconds"]))
        return Sampler(_capped(_reduced(items), request), "pyav", "every frame is read")
    if mode == "keyframes":
        items = islice(keyframes(stream), skip, None)
        return Sampler(_capped(_reduced(items), request), "pyav", "keyframes are read")
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
    wanted: list[int] = []
    due = times[0] if times else 0.0
    step = 1.0 / float(request["fps"])
    for index, seconds in enumerate(times):
        if seconds >= due - 1e-6:
            wanted.append(index)
            due += step * max(1, math.ceil((seconds - due + 1e-6) / step))
    return wanted


def _sampled_by_time(stream: Stream, request: dict[str, Any]) -> Sampler:
    with open_video(stream.path, threads=1) as table:
        times = frame_times(table)
    wanted = wanted_indices(times, request)[int(request["skip"]) :]
    reader, why = _decord(stream, len(times), request)
    if reader is not None:
        frames = _by_decord(stream, reader, wanted, times)
        return Sampler(_capped(frames, request), "decord", why)
    return Sampler(_capped(_by_pyav(stream, wanted), request), "pyav", why)


def _by_pyav(stream: Stream, wanted: list[int]) -> Iterator[Sampled]:
    picked = iter(wanted)
    due = next(picked, None)
    for item in decode(stream):
        if due is None:
            return
        if item.index == due:
            yield from _reduced(iter([item]))
            due = next(picked, None)


def _decord(stream: Stream, frames: int, request: dict[str, Any]) -> tuple[Any, str]:
    """Return (decord's reader or None, the reason), None unless it agrees with the container."""
    if request["reader"] == "pyav":
        return None, "asked for"
    reader, why = _open_decord(stream, request)
    if reader is not None and len(reader) != frames:
        reader, why = None, f"decord counts {len(reader)} frames, the container {frames}"
    if reader is None and request["reader"] == "decord":
        from ..errors import Unreadable

        raise Unreadable(f"{why}; use sampling.reader = 'auto'")
    return reader, why


def _open_decord(stream: Stream, request: dict[str, Any]) -> tuple[Any, str]:
    context = stream.video.codec_context
    first = next(decode(stream), None)
    stream.container.seek(0, backward=True, any_frame=False)
    if first is None or first.frame.rotation:
        return None, "the picture is rotated, which decord's scaler gets wrong"
    try:
        import decord
    except ImportError:
        return None, "decord is not installed here"
    width, height = reduced_size(context.width, context.height)
    try:
        decord.logging.set_level(decord.logging.QUIET)
        reader = decord.VideoReader(
            stream.path, width=width, height=height, num_threads=int(request["threads"])
        )
    except Exception as error:  # decord raises its own error class for every cause
        reason = (str(error).strip().splitlines() or ["unknown"])[0][:100]
        return None, f"decord cannot open it ({reason})"
    return reader, "it agrees with the container"


def _by_decord(
    stream: Stream, reader: Any, wanted: list[int], times: list[float]
) -> Iterator[Sampled]:
    for start in range(0, len(wanted), DECORD_BATCH):
        indices = wanted[start : start + DECORD_BATCH]
        try:
            pixels = reader.get_batch(indices).asnumpy()
        except Exception:  # damage ends decord; PyAV skips the damaged packet and goes on
            stream.warnings.append(f"decord gave up at frame {indices[0]}; PyAV read the rest")
            yield from _by_pyav(stream, wanted[start:])
            return
        # BT.601 weights in 1/256, as FFmpeg's own gray conversion uses.
        luma = (pixels @ np.array([77, 150, 29], np.uint16) >> 8).astype(np.uint8)
        for row, index in enumerate(indices):
            yield Sampled(index, times[index], luma[row], float(_scale(stream)))


def _scale(stream: Stream) -> int:
    context = stream.video.codec_context
    return reduction(context.width, context.height)


def _reduced(items: Iterator[Any]) -> Iterator[Sampled]:
    for item in items:
        frame = item.frame
        scale = float(reduction(frame.width, frame.height))
        yield Sampled(item.index, item.seconds, reduce_frame(frame), scale)


def _capped(frames: Iterator[Sampled], request: dict[str, Any]) -> Iterator[Sampled]:
    most = request["max_frames"]
    return frames if most is None else islice(frames, max(int(most) - int(request["skip"]), 0))
