"""Clips and stills show the frames of the times asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.errors import Unreadable
from core.sources.reader import Reader
from tests.sources.reading import MEDIA, needs_media


@cache
def decoded(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    """Return (seconds, upright gray picture) of all frames, by PyAV alone."""
    import av

    with av.open(str(path)) as opened:
        container: Any = opened
        stream: Any = container.streams.best("video")
        origin = (container.start_time or 0) / 1_000_000
        return [
            (
                float(frame.pts * frame.time_base) - origin,
                np.rot90(frame.to_ndarray(format="gray"), frame.rotation // 90 % 4),
            )
            for frame in container.decode(stream)
        ]


def gray(jpeg: bytes) -> NDArray[np.float64]:
    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image.convert("L"), np.float64)


class TestRealFiles:
    pytestmark = needs_media

    @pytest.mark.parametrize(
        ("name", "start", "end"),
        [
            ("general/psd_issue-134-rotate.mp4", 1.5, 1.8),
            ("general/moviepy_fire2.mp4", 0.5, 1.5),
            ("general/psd_delayed_start.mp4", 0.2, 0.6),
            ("codecs/testsrc2_odd_height_and_width_vp9.mp4", 0.0, 5.0),
            ("general/moviepy_pigs_in_a_polka.gif", 1.5, 2.5),
        ],
    )
    def test_clip(
        self, reader: Reader, tmp_path: Path, name: str, start: float, end: float
    ) -> None:
        path, out = MEDIA / "videos" / name, tmp_path / "clip.mp4"
        wanted = [item for item in decoded(path) if start - 1e-6 <= item[0] <= end + 1e-6]
        copied = reader.clip(str(path), start, end, str(out)).copied
        assert copied == (path.suffix != ".gif")
        got = decoded(out)
        assert len(got) == len(wanted)
        for (at, pixels), (true_at, true_pixels) in zip(got, wanted, strict=True):
            assert at == pytest.approx(true_at - wanted[0][0], abs=1e-4)
            height, width = pixels.shape
            # A copy keeps odd sides; re-encoded, 4:2:0 loses a row or column.
            whole = true_pixels.shape
            assert (height, width) == (whole if copied else tuple(s // 2 * 2 for s in whole))
            assert np.abs(pixels - true_pixels[:height, :width].astype(float)).mean() < 12
        info = reader.probe(str(out)).info
        step = 1 / (info.frame_rate or 1)
        length = wanted[-1][0] - wanted[0][0]
        assert length <= (info.duration_seconds or 0) <= length + 2 * step

    @pytest.mark.parametrize(
        "name",
        [
            "general/psd_issue-134-rotate.mp4",
            "codecs/nasa_13013_hdr.mp4",
            "codecs/av1_video.mkv",
            "general/moviepy_pigs_in_a_polka.gif",
            "general/psd_delayed_start.mp4",
        ],
    )
    def test_stills(self, reader: Reader, name: str) -> None:
        path = MEDIA / "videos" / name
        truth = decoded(path)
        info = reader.probe(str(path)).info
        last = truth[-1][0]
        wanted = [0.0, 0.3 * last + 0.001, 0.31 * last, 0.95 * last, last + 100]
        stills = list(reader.stills(info, wanted[::-1], 4096))
        assert [still.wanted_seconds for still in stills] == wanted
        for still in stills:
            at, pixels = max(
                (item for item in truth if item[0] <= still.wanted_seconds + 1e-6),
                key=lambda item: item[0],
            )
            assert still.seconds == pytest.approx(at, abs=1e-9)
            assert np.abs(gray(still.jpeg) - pixels).mean() < 6


def test_no_frame_no_file(reader: Reader, make_video: Callable[..., Path], tmp_path: Path) -> None:
    path, out = make_video("short.mp4", frames=10), tmp_path / "none.mp4"
    with pytest.raises(Unreadable, match="holds no frame from 50 s to 60 s"):
        reader.clip(str(path), 50.0, 60.0, str(out))
    assert not out.exists()
