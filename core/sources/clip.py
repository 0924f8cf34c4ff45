"""Writing one stretch of a video as a file of its own. Runs inside the reader process."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .video import Stream, decode, open_video, upright

_MICROSECONDS = Fraction(1, 1_000_000)


def write_clip(path: str, start: float, end: float, out: str, beat: Callable[[], None]) -> None:
    """Encode the frames from `start` to `end` (seconds) as H.264 in MP4, times kept, upright."""
    import av

    with open_video(path, threads=0) as stream, av.open(out, "w", format="mp4") as target:
        encoder: Any = None
        for item in _between(stream, start, end):
            pixels = upright(item.frame)
            if encoder is None:
                encoder = _encoder(target, stream, pixels.shape[1], pixels.shape[0])
            frame = av.VideoFrame.from_ndarray(pixels[: encoder.height, : encoder.width], "rgb24")
            frame.pts = round((item.seconds - start) * 1_000_000)
            frame.time_base = _MICROSECONDS
            target.mux(encoder.encode(frame))
            beat()
        if encoder is not None:
            target.mux(encoder.encode(None))


def _between(stream: Stream, start: float, end: float) -> Any:
    if start > 1.0:
        target = int((start + stream.origin_seconds) / float(stream.video.time_base or 1))
        stream.container.seek(target, stream=stream.video, backward=True)
    for item in decode(stream):
        if item.seconds > end:
            return
        if item.seconds >= start:
            yield item


def _encoder(target: Any, stream: Stream, width: int, height: int) -> Any:
    encoder = target.add_stream("libx264", rate=stream.video.average_rate or 25)
    # 4:2:0 needs even sides; at most one row or column is lost.
    encoder.width, encoder.height = width // 2 * 2, height // 2 * 2
    encoder.pix_fmt = "yuv420p"
    encoder.codec_context.time_base = _MICROSECONDS
    encoder.options = {"preset": "veryfast", "crf": "20"}
    return encoder
