"""Writing one stretch of a video as a file of its own. Runs inside the reader process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

from ..errors import Unreadable
from .container import Choice
from .seek import decode_near
from .video import Decoded, Stream, open_video, upright

_MICROSECONDS = Fraction(1, 1_000_000)
ENCODER_THREADS = 4
"""More gain little at these sizes, and each holds frames that count against limits.memory_mib."""


def write_clip(
    path: str,
    start: float,
    end: float,
    out: str,
    threads: int,
    beat: Callable[[], None],
    choice: Choice | None = None,
) -> None:
    """Encode the frames from `start` to `end` (seconds) as H.264 in MP4, times kept, upright.

    Raises Unreadable, and leaves no file, when there is no frame in between.
    """
    try:
        with open_video(path, threads, beat, choice) as stream:
            frames = _write(_between(stream, start, end), stream, out)
        if not frames:
            raise Unreadable(f"holds no frame from {start:g} s to {end:g} s")
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(out)
        raise


def _write(items: Iterator[Decoded], stream: Stream, out: str) -> int:
    import av

    first, encoder = 0.0, None
    count = 0
    with av.open(out, "w", format="mp4") as target:
        for item in items:
            count += 1
            pixels = upright(item.frame)
            if encoder is None:
                first = item.seconds
                encoder = _encoder(target, stream, pixels.shape[1], pixels.shape[0])
            frame = av.VideoFrame.from_ndarray(pixels[: encoder.height, : encoder.width], "rgb24")
            frame.pts = round((item.seconds - first) * 1_000_000)
            frame.time_base = _MICROSECONDS
            target.mux(encoder.encode(frame))
        if encoder is not None:
            target.mux(encoder.encode(None))
    return count


def _between(stream: Stream, start: float, end: float) -> Iterator[Decoded]:
    for item in decode_near(stream, start):
        if item.seconds > end:
            return
        if item.seconds >= start:
            yield item


def _encoder(target: Any, stream: Stream, width: int, height: int) -> Any:
    encoder = target.add_stream("libx264", rate=stream.video.average_rate or 25)
    # 4:2:0 needs even sides; at most one row or column is lost.
    encoder.width, encoder.height = max(width // 2 * 2, 2), max(height // 2 * 2, 2)
    encoder.pix_fmt = "yuv420p"
    encoder.codec_context.time_base = _MICROSECONDS
    encoder.codec_context.thread_count = ENCODER_THREADS
    encoder.options = {"preset": "veryfast", "crf": "20"}
    return encoder
