"""Reading on after `skip` frames gives what a whole read gives from there, pixel for pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.config.screening_settings import Sampling
from core.sources.reader import Reader
from tests.sources.reading import MEDIA, assert_tail, needs_media, read

FILES = [
    "codecs/nasa_13013.mp4",
    "codecs/nasa_13013_hdr.mp4",
    "codecs/testsrc2_12bit_hdr.mp4",
    "codecs/testsrc2_vp8.webm",
    "codecs/testsrc2_vp9.webm",
    "codecs/av1_video.mkv",
    "codecs/testsrc2_mpeg4.avi",
    "codecs/testsrc2_odd_width_mpeg2.mp4",
    "codecs/animated.gif",
    "general/moviepy_pigs_in_a_polka.gif",
    "general/moviepy_fire2.mp4",
    "general/psd_delayed_start.mp4",
    "broken/decord_corrupted.mp4",
    "broken/derived_truncated_half.mp4",
    "broken/moviepy_no_duration.webm",
]
SAMPLINGS = [
    Sampling(mode="fps", fps=3.0),
    Sampling(mode="fps", fps=3.0, reader="pyav"),
    Sampling(mode="count", count=9),
    Sampling(mode="count", count=9, max_frames=7),
    Sampling(mode="keyframes"),
    Sampling(mode="every", max_frames=7),
]


class TestRealFiles:
    pytestmark = needs_media

    @pytest.mark.parametrize("name", FILES)
    def test_every_frame(self, reader: Reader, name: str) -> None:
        path = MEDIA / "videos" / name
        whole = read(reader, path, Sampling())
        count = len(whole.indices)
        for skip in sorted({1, count // 3, count // 2 + 1, count - 1}):
            got = read(reader, path, Sampling(), skip, whole.seconds[skip])
            assert_tail(whole, skip, got)

    @pytest.mark.parametrize("name", FILES[::2])
    def test_sampled(self, reader: Reader, name: str) -> None:
        path = MEDIA / "videos" / name
        for sampling in SAMPLINGS:
            whole = read(reader, path, sampling)
            skip = len(whole.indices) // 2
            at = whole.seconds[skip]
            assert_tail(whole, skip, read(reader, path, sampling, skip, at))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("open.mp4", "libx264", {"x264-params": "open-gop=1:keyint=20:bframes=3"}),
        ("refresh.mkv", "libx264", {"x264-params": "intra-refresh=1:keyint=20"}),
        ("open.ts", "mpeg2video", {"g": "15", "bf": "2"}),
        ("raw.h264", "libx264", {"g": "20"}),
    ],
)
def test_what_cannot_be_sought_plainly(
    reader: Reader, make_video: Callable[..., Path], name: str, codec: str, options: dict[str, str]
) -> None:
    path = make_video(name, codec, **options)
    whole = read(reader, path, Sampling())
    assert whole.indices == list(range(100))
    for skip in (30, 71):
        assert_tail(whole, skip, read(reader, path, Sampling(), skip, whole.seconds[skip]))
    for sampling in SAMPLINGS:
        some = read(reader, path, sampling)
        assert some.indices
        assert_tail(
            some, 1, read(reader, path, sampling, 1, some.seconds[min(1, len(some.seconds) - 1)])
        )


def test_joined_recording_keeps_ascending_times(
    reader: Reader, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    """A transport stream in which the clock starts over: seeking by time would lie."""
    one = make_video("one.ts", g="20").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one + one)
    whole = read(reader, joined, Sampling())
    assert len(whole.indices) == 200
    assert whole.seconds == sorted(set(whole.seconds))
    assert whole.seconds[-1] == pytest.approx(199 / 25, abs=0.1)
    for skip in (50, 150):
        assert_tail(whole, skip, read(reader, joined, Sampling(), skip, whole.seconds[skip]))
