"""Clips of recordings that were joined: picture and sound of the second one, together."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.sources.reader import Reader
from tests.sources.drawn import draw, joined
from tests.sources.footage import clicks, scene, write_video
from tests.sources.test_clip_kinds import FRAME_OF_SOUND, check_clip_length, facts


def test_sound_of_a_joined_recording(reader: Reader, tmp_path: Path) -> None:
    frames = scene(150)
    parts = [
        write_video(tmp_path / f"{n}.ts", frames[:75] if n else frames[75:], sound=["aac"],
                    options={"g": "10"})
        for n in range(2)
    ]  # fmt: skip
    path = joined(tmp_path / "both.ts", *parts)
    out = tmp_path / "clip.mp4"
    made = reader.clip(str(path), 3.6, 5.5, str(out))
    assert not made.copied
    assert facts(out)["sound"] == ["aac"]
    check_clip_length(out, 1.9)
    # The second recording begins at 3 s; its clicks come every half second from then on.
    first = next(at for at in (3 + n / 25 for n in range(75)) if at >= 3.6)
    wanted = [at - first for at in (4.0, 4.5, 5.0)]
    got = [at for at in clicks(out) if 0.05 < at < 1.8]
    assert got[:3] == pytest.approx(wanted, abs=2 * FRAME_OF_SOUND)


def test_sound_that_outlasts_its_recording_overlaps_the_next(
    reader: Reader, tmp_path: Path
) -> None:
    parts = [
        draw(tmp_path / f"{n}.mpg", "mpeg2video", rate=25, sound=("mp2", seconds))
        for n, seconds in enumerate((3.0, 1.6))
    ]
    path = joined(tmp_path / "both.mpg", *parts)
    out = tmp_path / "clip.mp4"
    reader.clip(str(path), 0.5, 2.5, str(out))
    assert facts(out)["sound"] == ["aac"]
    check_clip_length(out, 2.0)
