"""Pictures of more than 8 bits: their full range is visible, whatever a file keeps it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from core.records import SourceInfo
from core.sources.picture import open_picture, picture_colour, picture_luma, probe_picture
from tests.sources.reading import MEDIA, needs_media

BITS, PHOTOMETRIC, FORMAT, MAXIMUM = 258, 262, 339, 341


def seen(path: Path) -> tuple[NDArray[np.uint8], SourceInfo]:
    with open_picture(str(path), 1e9) as image:
        info = probe_picture(image, str(path), "b2:0", 1)
        luma, _ = picture_luma(image, str(path))
    with open_picture(str(path), 1e9) as image:
        colour = picture_colour(image, str(path), 0)
    assert np.abs(colour.mean(axis=2) - luma).max() <= 1
    return luma, info


def ramp(top: int, kind: str = "<u2") -> NDArray[Any]:
    return np.linspace(0, top, 40 * 30).reshape(30, 40).astype(kind)


def tiff(path: Path, pixels: NDArray[Any], **tags: Any) -> Path:
    """Write an uncompressed TIFF of one strip, with any tags."""
    height, width = pixels.shape[:2]
    bits = 8 * pixels.dtype.itemsize
    big = pixels.dtype.byteorder == ">"
    magic = b"MM\x00\x2a" if big else b"II\x2a\x00"
    known = {256: width, 257: height, BITS: bits, 259: 1, PHOTOMETRIC: 1, 277: 1, 278: height}
    named = known | {int(tag[1:]): value for tag, value in tags.items()}
    entries = TiffImagePlugin.ImageFileDirectory_v2(magic + bytes(4))
    for tag, value in named.items():
        entries[tag] = value
    entries[273], entries[279] = 8, pixels.nbytes
    entries[273], entries[279] = 0, pixels.nbytes  # Pillow adds where the pixels begin
    head = magic + (8).to_bytes(4, "big" if big else "little")
    path.write_bytes(head + entries.tobytes(8) + pixels.tobytes())
    return path


def assert_whole_range(luma: NDArray[np.uint8]) -> None:
    assert luma[0, 0] <= 1 and luma[-1, -1] >= 249
    assert abs(int(luma[15, 0]) - 127) <= 4


def test_bits_that_cameras_keep_in_16(tmp_path: Path) -> None:
    for bits in (8, 10, 12, 14):
        luma, info = seen(tiff(tmp_path / "a.tif", ramp(2**bits - 1)))
        assert_whole_range(luma)
        assert info.metadata["depth"] == f"{bits} of 16 bits"
        assert info.content == "b2.2:0"


def test_the_whole_of_16_bits_is_as_it_was(tmp_path: Path) -> None:
    for kind in ("<u2", ">u2"):
        luma, info = seen(tiff(tmp_path / "a.tif", ramp(65535, kind)))
        assert_whole_range(luma)
        assert "depth" not in info.metadata
        assert info.content == "b2:0"


def test_big_endian_of_12_bits(tmp_path: Path) -> None:
    assert_whole_range(seen(tiff(tmp_path / "a.tif", ramp(4095, ">u2")))[0])


def test_a_maximum_that_is_named(tmp_path: Path) -> None:
    luma, info = seen(tiff(tmp_path / "a.tif", ramp(2000), t341=3999))
    assert abs(int(luma.max()) - 127) <= 2
    assert info.metadata["depth"] == "white is 3999"
    luma, _ = seen(tiff(tmp_path / "a.tif", ramp(2000), t341=1000))  # it is not true
    assert abs(int(luma.max()) - 124) <= 2  # then 12 bits


def test_zero_is_white(tmp_path: Path) -> None:
    luma, _ = seen(tiff(tmp_path / "a.tif", ramp(4095), t262=0))
    assert luma[0, 0] >= 249 and luma[-1, -1] <= 6
    bright = np.full((30, 40), 4095, "<u2")
    bright[0, 0] = 0
    assert seen(tiff(tmp_path / "a.tif", bright, t262=0))[0][10, 10] <= 1


def test_signed_and_long_numbers(tmp_path: Path) -> None:
    signed = (ramp(4000).astype("<i2") - 2000).astype("<i2")
    for pixels, code in ((signed, 2), (ramp(4095, "<u4"), 1), (ramp(2**32 - 1, "<u4"), 1)):
        assert_whole_range(seen(tiff(tmp_path / "a.tif", pixels, t339=code))[0])
    floats = np.linspace(0.2, 0.7, 1200, dtype="<f4").reshape(30, 40)
    assert_whole_range(seen(tiff(tmp_path / "a.tif", floats, t339=3))[0])


def test_colours_of_12_bits_in_16(tmp_path: Path) -> None:
    grey = ramp(4095)
    colours = np.stack([grey, grey // 2, grey // 4], axis=-1)
    for orientation in (1, 6):
        path = tiff(
            tmp_path / "a.tif", colours, t258=(16, 16, 16), t262=2, t277=3, t274=orientation
        )
        with open_picture(str(path), 1e9) as image:
            info = probe_picture(image, str(path), "b2:0", 1)
        with open_picture(str(path), 1e9) as image:
            shown = picture_colour(image, str(path), 0)
        corner = shown[-1, -1] if orientation == 1 else shown[-1, 0]
        assert np.abs(corner.astype(int) - (255, 127, 63)).max() <= 2
        assert info.metadata["depth"] == "12 of 16 bits"
        assert (info.height, info.width) == shown.shape[:2]
    full = tiff(tmp_path / "b.tif", colours * 16, t258=(16, 16, 16), t262=2, t277=3)
    with open_picture(str(full), 1e9) as image:
        assert "depth" not in probe_picture(image, str(full), "b2:0", 1).metadata


def test_formats_whose_range_is_always_whole(tmp_path: Path) -> None:
    dark = Image.fromarray(ramp(4095).astype(np.uint16))
    for name in ("a.png", "a.jp2", "a.pgm"):
        dark.save(tmp_path / name)
        luma, _ = seen(tmp_path / name)
        assert 13 <= luma.max() <= 16, name


def test_compressed_and_large(tmp_path: Path) -> None:
    image = Image.fromarray(ramp(4095).astype(np.uint16))
    for options in (
        {"compression": "tiff_lzw"},
        {"compression": "tiff_deflate"},
        {"big_tiff": True},
    ):
        image.save(tmp_path / "a.tif", **options)
        assert_whole_range(seen(tmp_path / "a.tif")[0])


def test_pages(tmp_path: Path) -> None:
    first, second = (Image.new("L", (40, 30), level) for level in (10, 200))
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    luma, info = seen(tmp_path / "a.tif")
    assert luma.max() == 10
    assert info.warnings == ("holds 2 pages; only the first is read",)


class TestMedia:
    pytestmark = needs_media

    def test_real_files(self) -> None:
        folder = MEDIA / "images" / "formats"
        assert seen(folder / "pillow_12in16bit.tif")[0].max() > 200
        assert seen(folder / "skimage_chessboard_GRAY_U16.tif")[0].max() == 255
        case = MEDIA.parent / "cases" / "30-pictures" / "gray12in16.tif"
        if case.exists():
            assert seen(case)[0].max() >= 250
