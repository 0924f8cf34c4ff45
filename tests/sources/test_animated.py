"""Animated pictures are read whole, as videos, with the times their authors gave them."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.config.screening_settings import Sampling
from core.errors import Unreadable
from core.scans.plan import kind_of
from core.sources.moving import says_animated
from core.sources.reader import Reader
from tests.sources.reading import MEDIA, read

LEVELS = (10, 50, 240, 60, 20)
LASTING = (100, 200, 50, 300, 150)
STARTS = [0.0, 0.1, 0.3, 0.35, 0.65]
FLASH = 2


def animation(path: Path, lasting: Any = LASTING, **options: Any) -> Path:
    frames = [Image.new("RGB", (64, 48), (level,) * 3) for level in LEVELS]
    if path.suffix == ".webp":
        options = {"lossless": True} | options
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=lasting, **options)
    return path


def test_all_frames_at_their_times(reader: Reader, tmp_path: Path) -> None:
    for ending in ("webp", "png", "apng", "avif", "gif"):
        options = {"format": "PNG"} if ending == "apng" else {}
        path = animation(tmp_path / f"a.{ending}", **options)
        info = reader.probe(str(path)).info
        assert info.kind == "video", ending
        assert (info.width, info.height) == (64, 48)
        found = read(reader, path, Sampling())
        assert found.seconds == pytest.approx(STARTS, abs=0.002), ending
        levels = [int(luma.mean()) for luma in found.luma]
        assert int(np.argmax(levels)) == FLASH and levels == sorted(levels[:3]) + levels[3:]
        [still] = reader.stills(info, [0.32], 64)
        assert still.seconds == pytest.approx(STARTS[FLASH], abs=0.002)
        with Image.open(io.BytesIO(still.jpeg)) as image:
            shown = image.getpixel((32, 24))
        assert isinstance(shown, tuple) and abs(int(shown[0]) - 240) <= 6, (ending, shown)


def test_webp_by_seeking_and_by_count(reader: Reader, tmp_path: Path) -> None:
    path = animation(tmp_path / "a.webp")
    whole = read(reader, path, Sampling())
    rest = read(reader, path, Sampling(), skip=3, at=whole.seconds[3])
    assert (rest.indices, rest.seconds) == whole.tail(3)
    assert len(read(reader, path, Sampling(mode="count", count=2)).indices) == 2
    info = reader.probe(str(path)).info
    assert (info.container, info.codec, info.frame_count) == ("webp", "webp", 5)
    assert info.duration_seconds == pytest.approx(0.8, abs=0.01)


def test_frames_without_a_length_last_as_in_browsers(reader: Reader, tmp_path: Path) -> None:
    path = animation(tmp_path / "a.webp", [0, 10, 20, 100, 100])
    assert read(reader, path, Sampling()).seconds == pytest.approx([0, 0.1, 0.2, 0.22, 0.32])


def test_a_changed_file_is_read_anew(reader: Reader, tmp_path: Path) -> None:
    path = animation(tmp_path / "a.webp")
    assert read(reader, path, Sampling()).seconds[1] == pytest.approx(0.1)
    animation(path, [250] * 5, lossless=False)
    assert read(reader, path, Sampling()).seconds[1] == pytest.approx(0.25)


def test_a_single_frame_stays_a_picture(reader: Reader, tmp_path: Path) -> None:
    for ending in ("webp", "png", "avif", "gif"):
        Image.new("RGB", (64, 48)).save(tmp_path / f"a.{ending}")
        info = reader.probe(str(tmp_path / f"a.{ending}")).info
        assert info.kind == "picture" and info.content.startswith("b2:")


def test_what_is_told_beside_the_frames(reader: Reader, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x110] = "A Camera"
    info = reader.probe(str(animation(tmp_path / "a.webp", exif=exif))).info
    assert info.metadata["exif"]["Model"] == "A Camera"


def test_cut_off_in_the_middle(reader: Reader, tmp_path: Path) -> None:
    path = animation(tmp_path / "a.webp")
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with suppress(Unreadable):
            info = reader.probe(str(path)).info
            assert info.kind == "video" or "only the first" in str(info.warnings)


def test_known_by_their_first_bytes(tmp_path: Path) -> None:
    for ending, says in (("webp", True), ("avif", True), ("png", False)):
        path = animation(tmp_path / f"moving.{ending}")
        Image.new("RGB", (8, 8)).save(tmp_path / f"still.{ending}")
        assert says_animated(str(path)) is says
        assert not says_animated(str(tmp_path / f"still.{ending}"))
    assert not says_animated(str(tmp_path / "gone.webp"))
    assert (kind_of("a.apng"), kind_of("a.gif"), kind_of("a.webp")) == ("video", "video", "picture")


def test_several_pictures_that_are_no_animation(reader: Reader, tmp_path: Path) -> None:
    import pillow_heif

    pictures = [Image.new("RGB", (64, 48), (level,) * 3) for level in (10, 200)]
    several = pillow_heif.from_pillow(pictures[0])
    several.add_from_pillow(pictures[1])
    several.save(str(tmp_path / "a.heic"))
    info = reader.probe(str(tmp_path / "a.heic")).info
    assert info.warnings == ("holds 2 pictures; only the primary one is read",)


@pytest.mark.media
def test_the_case() -> None:
    path = MEDIA.parent / "cases" / "30-pictures" / "anim.webp"
    if not path.exists():
        pytest.skip("no cases beside the media")
    from core.config.screening_settings import Limits

    reader = Reader(Limits())
    found = read(reader, path, Sampling())
    reader.close()
    assert len(found.indices) == 20
    assert found.seconds == pytest.approx([0.04 * number for number in range(20)], abs=0.002)
