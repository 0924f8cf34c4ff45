"""The clips benchmarks run on, made once and kept in the cache folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import CACHE, ROOT
from core.synthetic.storm import demo_scene, render

MINUTE = 60


def media() -> Path | None:
    """Return the folder of real media, if there is one (SIGHTLINE_MEDIA, else ../shared/media)."""
    folder = Path(os.environ.get("SIGHTLINE_MEDIA", str(ROOT.parent / "shared" / "media")))
    return folder if folder.is_dir() else None


def storm_1080p(seconds: int) -> Path:
    """Return a 1080p H.264 clip: the demo's storm enlarged, with fresh sensor noise, 30 fps.

    Noise is what keeps real night footage from compressing to nothing, so that decoding costs
    what it costs a camera's file. Only the first minute is drawn; longer clips repeat its packets.
    """
    path = CACHE / f"storm-1080p-{seconds}s.mp4"
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".new.mp4")
        if seconds <= MINUTE:
            _encode(_noisy(seconds * 30), scratch)
        else:
            _repeat(storm_1080p(MINUTE), seconds // MINUTE, scratch)
        scratch.rename(path)
    return path


def _repeat(clip: Path, times: int, path: Path) -> None:
    import av

    with av.open(str(path), "w") as target:
        stream: Any = None
        for turn in range(times):
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                stream = stream or target.add_stream_from_template(video)
                shift = round(turn * MINUTE / float(video.time_base or 1))
                for packet in source.demux(video):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        target.mux(packet)


def _noisy(frames: int) -> Iterator[NDArray[np.uint8]]:
    import av

    grain = np.random.default_rng(0).normal(0, 4, (1100, 1960)).astype(np.float32)
    shifts = np.random.default_rng(1)
    scene = demo_scene()
    drawn = render(scene)
    for _ in range(frames):
        small = next(drawn, None)
        if small is None:
            drawn = render(scene)
            small = next(drawn)
        large = av.VideoFrame.from_ndarray(small, "rgb24").reformat(1920, 1080, "rgb24")
        y, x = shifts.integers(0, 20), shifts.integers(0, 40)
        noise = grain[y : y + 1080, x : x + 1920, None]
        yield np.clip(large.to_ndarray() + noise, 0, 255).astype(np.uint8)


def _encode(frames: Iterator[NDArray[np.uint8]], path: Path) -> None:
    import av

    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def small_pictures(count: int) -> Path:
    """Return a folder of so many JPEGs of 160x120, drawn on first use."""
    import numpy as np
    from PIL import Image

    folder = CACHE / f"pictures-{count}"
    if not folder.is_dir():
        scratch = folder.with_suffix(".new")
        random = np.random.default_rng(0)
        for number in range(count):
            part = scratch / f"{number // 500:02d}"
            part.mkdir(parents=True, exist_ok=True)
            coarse = Image.fromarray(random.integers(0, 255, (6, 8, 3), np.uint8))
            coarse.resize((160, 120)).save(part / f"IMG_{number:05d}.jpg")
        scratch.rename(folder)
    return folder
