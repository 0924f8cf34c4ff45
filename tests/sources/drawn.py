"""Tiny videos in every container, whole, joined, delayed or cut, for the tests of this folder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT = 64, 48
LIT = (20, 21)
"""the frames that are bright"""


def draw(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 40,
    rate: int = 30,
    slow_after: int | None = None,
    sound: tuple[str, float] | None = None,
    begins: int = 0,
    streams: int = 1,
    lit: tuple[int, ...] = LIT,
    options: dict[str, str] | None = None,
    form: str | None = None,
    bframes: int = 2,
) -> Path:
    """Draw noise that is lit in some frames of the last stream.

    From frame `slow_after` on, frames come at a third of the rate; `sound` is a codec and seconds;
    `begins` is the first time stamp, in frames.
    """
    import av

    with av.open(str(path), "w", format=form, options=options or {}) as target:
        videos = [_video(target, codec, rate, bframes) for _ in range(streams)]
        voice = _voice(target, sound[0]) if sound else None
        rng = np.random.default_rng(0)
        for number in range(frames):
            late = 2 * max(number - slow_after, 0) if slow_after is not None else 0
            for video in videos:
                pixels = rng.integers(20, 60, (HEIGHT, WIDTH, 3), np.uint8)
                if number in lit and video is videos[-1]:
                    pixels += 150
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
                frame.pts, frame.time_base = begins + number + late, Fraction(1, rate)
                target.mux(video.encode(frame))
        for video in videos:
            target.mux(video.encode(None))
        if voice is not None and sound is not None:
            _speak(target, voice, sound[1])
    return path


def _video(target: Any, codec: str, rate: int, bframes: int) -> Any:
    import av

    # Encoders log from threads of their own, which no test wants to read.
    av.logging.set_level(None)
    stream = target.add_stream(codec, rate=rate)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.codec_context.time_base = Fraction(1, rate)
    if codec == "libx264":
        stream.options = {"preset": "ultrafast", "g": "10", "bf": str(bframes)}
    elif codec == "libvpx-vp9":
        stream.options = {"deadline": "realtime", "cpu-used": "8"}
    return stream


def _voice(target: Any, codec: str) -> Any:
    stream = target.add_stream(codec, rate=48000)
    stream.layout = "mono"
    return stream


def _speak(target: Any, stream: Any, seconds: float) -> None:
    import av

    size, name = stream.codec_context.frame_size or 1024, stream.codec_context.format.name
    silence = np.zeros((1, size), np.float32 if "flt" in name else np.int16)
    for start in range(0, int(seconds * 48000), size):
        frame = av.AudioFrame.from_ndarray(silence, format=name, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))


def joined(path: Path, *parts: Path) -> Path:
    """Put files behind each other, as `cat` does."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def cut(whole: Path, share: float = 0.6) -> Path:
    """Keep the first bytes of a file, under a name of their own."""
    data = whole.read_bytes()
    # A length that is no multiple of a packet's, as where a disk is full or a copy is stopped.
    part = whole.with_name(f"cut-{whole.name}")
    part.write_bytes(data[: int(len(data) * share) // 2 * 2 + 1])
    return part
