"""Small videos drawn for tests: with sound, tags, a display matrix, uneven times."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]
SAMPLE_RATE = 48_000
QUIET = {"x265-params": "log-level=none"}


def scene(frames: int, width: int = 64, height: int = 48) -> list[Pixels]:
    """Return RGB frames that all differ, smooth enough for any encoder."""
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    made = []
    for number in range(frames):
        wave = 100 + 60 * np.sin((across + 5 * number) / 9) + 40 * np.cos((down - 3 * number) / 7)
        made.append(np.stack([wave, wave[::-1], 255 - wave], axis=2).clip(0, 255).astype(np.uint8))
    return made


def write_video(
    path: Path,
    frames: Sequence[Pixels],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rate: int = 25,
    times: Sequence[float] | None = None,
    aspect: Fraction | None = None,
    turned: tuple[int, bool, bool] | None = None,
    tags: tuple[int, int, int, int] | None = None,
    sound: Sequence[str] = (),
    sound_seconds: float | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode RGB frames; `tags` are matrix, transfer, primaries, range; `turned` as PyAV takes it.

    Each track of `sound` is a codec: silent but for a click of 5 ms at every half second.
    """
    import av

    with av.open(str(path), "w") as opened:
        target: Any = opened
        film = target.add_stream(codec, rate=rate, options=options or {})
        film.height, film.width = frames[0].shape[:2]
        film.pix_fmt = pixels
        film.codec_context.time_base = Fraction(1, 1000) if times else Fraction(1, rate)
        if aspect is not None:
            film.codec_context.sample_aspect_ratio = aspect
        if turned is not None:
            film.set_display_rotation(*turned)
        if tags is not None:
            context = film.codec_context
            context.colorspace, context.color_trc, context.color_primaries = tags[:3]
            context.color_range = tags[3]
        tracks = [target.add_stream(name, rate=SAMPLE_RATE, layout="mono") for name in sound]
        end = times[-1] + 0.1 if times else len(frames) / rate
        for track in tracks:
            _write_clicks(target, track, sound_seconds or end)
        for number, picture in enumerate(frames):
            frame = _frame(picture, pixels, tags)
            frame.pts = round(times[number] * 1000) if times else number
            frame.time_base = film.codec_context.time_base
            target.mux(film.encode(frame))
        target.mux(film.encode(None))
    return path


def _frame(picture: Pixels, pixels: str, tags: tuple[int, int, int, int] | None) -> Any:
    import av

    if picture.dtype == np.uint16:
        return av.VideoFrame.from_ndarray(picture, "rgb48le").reformat(
            format=pixels, dst_colorspace="BT2020"
        )
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
    if not pixels.startswith("yuv"):
        return frame.reformat(format=pixels)
    matrix = {1: "ITU709", 9: "BT2020"}.get(tags[0] if tags else 2, "ITU601")
    level = tags[3] if tags else 1
    return frame.reformat(
        format=pixels, dst_colorspace=matrix, dst_color_range=level or 1, interpolation=0x42004
    )


def _write_clicks(target: Any, track: Any, seconds: float) -> None:
    import av

    samples = np.zeros((1, round(seconds * SAMPLE_RATE)), np.int16)
    for start in range(SAMPLE_RATE // 2, samples.shape[1], SAMPLE_RATE // 2):
        samples[0, start : start + SAMPLE_RATE // 200] = 20_000
    for start in range(0, samples.shape[1], 960):
        part = np.ascontiguousarray(samples[:, start : start + 960])
        frame: Any = av.AudioFrame.from_ndarray(part, "s16", "mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        target.mux(track.encode(frame))
    target.mux(track.encode(None))


def clicks(path: Path, track: int = 0) -> list[float]:
    """Return when the clicks of a sound track begin, in seconds on the container's clock."""
    import av

    with av.open(str(path)) as opened:
        container: Any = opened
        stream = container.streams.audio[track]
        origin = (container.start_time or 0) / 1_000_000
        loud: list[float] = []
        for frame in container.decode(stream):
            values = np.abs(frame.to_ndarray().astype(np.float64).reshape(-1, frame.samples)[0])
            scale = 1.0 if frame.format.name.startswith("flt") else 32768.0
            at = float(frame.pts * frame.time_base) - origin
            loud += (at + np.flatnonzero(values / scale > 0.2) / frame.sample_rate).tolist()
    return [one for n, one in enumerate(loud) if n == 0 or one - loud[n - 1] > 0.1]
