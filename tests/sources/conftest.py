from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config.screening_settings import Limits
from core.sources.reader import Reader
from tests.workbench import x264


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    lent = Reader(Limits(), threads=2)
    yield lent
    lent.close()


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Encode a small moving picture whose upper left corner tells the frame's number."""

    def make(name: str, codec: str = "libx264", frames: int = 100, **options: str) -> Path:
        import av

        path = tmp_path / name
        noise = np.random.default_rng(0).integers(0, 100, (120 + frames, 160 + frames, 3), np.uint8)
        with av.open(str(path), "w") as target:
            chosen = x264(options) if codec == "libx264" else options
            stream: Any = target.add_stream(codec, rate=25, options=chosen)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            for number in range(frames):
                pixels = noise[number : number + 120, number : number + 160].copy()
                pixels[:40, :40] = 2 * number
                target.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            target.mux(stream.encode(None))
        return path

    return make
