"""Pictures of other colour spaces are shown in sRGB; those in sRGB are left alone."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.records import SourceInfo
from core.sources.picture import (
    open_picture,
    picture_colour,
    picture_luma,
    picture_roughly,
    probe_picture,
    upright_jpeg,
)
from core.sources.profile import ADOBE_GAMMA, ADOBE_PRIMARIES, PRIMARIES_BY_CODE, named_profile
from tests.sources.reading import MEDIA, needs_media

Rgb = tuple[int, int, int]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3 = named_profile(PRIMARIES_BY_CODE[12])
ADOBE = named_profile(ADOBE_PRIMARIES, gamma=ADOBE_GAMMA)
PROPHOTO = named_profile(
    (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001), gamma=1.8
)
"""ROMM RGB, ISO 22028-2"""


def seen(path: Path) -> tuple[Rgb, SourceInfo]:
    """Return the colour in the middle, the same however the picture is asked for."""
    name = str(path)
    with open_picture(name, 1e9) as image:
        info = probe_picture(image, name, "b2:0", 1)
        luma, _ = picture_luma(image, name)
    with open_picture(name, 1e9) as image:
        colour = picture_colour(image, name, 0)
    with open_picture(name, 1e9) as image:
        rough = picture_roughly(image, name)
    with open_picture(name, 1e9) as image:
        still = np.asarray(Image.open(io.BytesIO(upright_jpeg(image, name, 64, 95))), np.int16)
    middle = colour[colour.shape[0] // 2, colour.shape[1] // 2]
    assert np.abs(rough[rough.shape[0] // 2, rough.shape[1] // 2].astype(int) - middle).max() <= 2
    assert np.abs(still[still.shape[0] // 2, still.shape[1] // 2] - middle).max() <= 6
    expected = middle @ np.array([0.299, 0.587, 0.114])
    assert abs(luma[luma.shape[0] // 2, luma.shape[1] // 2] - expected) <= 3
    red, green, blue = middle.tolist()
    return (red, green, blue), info


def flat(path: Path, colour: Any, mode: str = "RGB", **options: Any) -> Path:
    if path.suffix == ".jpg":
        options = {"quality": 98} | options
    Image.new(mode, (32, 32), colour).save(path, **options)
    return path


def close(found: Rgb, wanted: Rgb, within: int = 3) -> bool:
    return max(abs(ours - theirs) for ours, theirs in zip(found, wanted, strict=True)) <= within


def test_wide_gamuts_by_their_profiles(tmp_path: Path) -> None:
    # Right values: the profiles' own matrices and curves, by hand, clipped to sRGB.
    for icc, written, wanted in (
        (PROPHOTO, (179, 70, 26), (255, 0, 0)),
        (ADOBE, (200, 100, 50), (227, 100, 42)),
        (ADOBE, (128, 128, 128), (128, 128, 128)),
        (P3, (234, 51, 35), (255, 0, 0)),
        (P3, (200, 100, 50), (215, 93, 31)),
    ):
        for name in ("a.png", "a.tif", "a.jpg", "a.webp", "a.avif"):
            options: dict[str, Any] = {"lossless": True} if name == "a.webp" else {}
            options |= {"quality": 100, "subsampling": "4:4:4"} if name == "a.avif" else {}
            found, info = seen(flat(tmp_path / name, written, icc_profile=icc, **options))
            assert close(found, wanted, 5), (name, written, found)
            assert info.content == ("b2.2:0")
            assert str(info.metadata["colour"]).startswith("converted to sRGB")


def test_srgb_by_any_name_is_left_alone(tmp_path: Path) -> None:
    made = named_profile((0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06))
    for icc in (None, SRGB, made):
        found, info = seen(flat(tmp_path / "a.png", (200, 100, 50), icc_profile=icc))
        assert found == (200, 100, 50)
        assert info.content == "b2:0" and "colour" not in info.metadata
        assert info.warnings == ()


def test_profiles_that_are_of_no_use(tmp_path: Path) -> None:
    grey = _grey_profile(1.0)
    for icc, words in (
        (b"not a profile", "cannot be used"),
        (SRGB[:200], "cannot be used"),
        (ADOBE[:1500] + bytes(len(ADOBE) - 1500), ""),
        (grey, "is for GRAY"),
        (b"\x00" * 128, "cannot be used"),
    ):
        found, info = seen(flat(tmp_path / "a.png", (200, 100, 50), icc_profile=icc))
        if words:
            assert found == (200, 100, 50), words
            assert len(info.warnings) == 1 and words in info.warnings[0]


def _grey_profile(gamma: float) -> bytes:
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + bytes(2)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    name = b"desc" + struct.pack(">II", 0, 5) + b"grey\x00" + bytes(78) + bytes(1)
    start, table, body = 128 + 4 + 36, struct.pack(">I", 3), b""
    for tag, block in ((b"kTRC", curve), (b"wtpt", white), (b"desc", name)):
        table += tag + struct.pack(">II", start + len(body), len(block))
        body += block + bytes(-len(block) % 4)
    return _header(start + len(body), b"mntr", b"GRAY", b"XYZ ") + table + body


def _header(size: int, kind: bytes, space: bytes, connection: bytes) -> bytes:
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, kind, space, connection)
    light = struct.pack(">3i", 63190, 65536, 54061)
    return (head + bytes(12) + b"acsp" + bytes(28) + light).ljust(128, b"\x00")


def test_grey_profiles(tmp_path: Path) -> None:
    linear = _grey_profile(1.0)
    for name, mode in (("a.jpg", "L"), ("a.png", "L"), ("a.tif", "L"), ("a.png", "LA")):
        written = (55, 255) if mode == "LA" else 55
        found, info = seen(flat(tmp_path / name, written, mode, icc_profile=linear))
        assert close(found, (128, 128, 128)), (name, mode, found)
        assert "colour" in info.metadata
    found, _ = seen(flat(tmp_path / "deep.png", 55 * 257, "I;16", icc_profile=linear))
    assert close(found, (128, 128, 128))
    assert close(seen(flat(tmp_path / "a.png", 90, "L", icc_profile=SRGB))[0], (90, 90, 90), 0)
    assert close(seen(flat(tmp_path / "a.png", 128, "L", icc_profile=ADOBE))[0], (128, 128, 128))


def _cmyk_profile() -> bytes:
    """Return a printer's profile: paper is white, black ink black, cyan ink a blue, all linear."""
    corners = b""
    for number in range(16):
        cyan, black = bool(number & 8), bool(number & 1)
        lab = (0, 128, 128) if black else ((55, 108, 86) if cyan else (100, 128, 128))
        light = round(lab[0] * 65280 / 100)
        corners += struct.pack(">3H", light, lab[1] << 8, lab[2] << 8)
    ends = struct.pack(">2H", 0, 65535)
    matrix = struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9)))
    lut = b"mft2" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + struct.pack(">2H", 2, 2)
    lut += ends * 4 + corners + ends * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    name = b"desc" + struct.pack(">II", 0, 4) + b"ink\x00" + bytes(78)
    start, table, body = 128 + 4 + 36, struct.pack(">I", 3), b""
    for tag, block in ((b"A2B0", lut), (b"wtpt", white), (b"desc", name)):
        table += tag + struct.pack(">II", start + len(body), len(block))
        body += block + bytes(-len(block) % 4)
    return _header(start + len(body), b"prtr", b"CMYK", b"Lab ") + table + body


def test_inks(tmp_path: Path) -> None:
    icc = _cmyk_profile()
    for name in ("a.jpg", "a.tif"):
        for inks, wanted in (
            ((0, 0, 0, 0), (255, 255, 255)),
            ((0, 0, 0, 255), (0, 0, 0)),
            ((255, 0, 0, 0), (0, 144, 204)),  # L*a*b* 55, -20, -42 by hand
        ):
            found, info = seen(flat(tmp_path / name, inks, "CMYK", icc_profile=icc))
            assert close(found, wanted, 12), (name, inks, found)
            assert info.metadata["colour"] == "converted to sRGB from ink"
        plain, info = seen(flat(tmp_path / name, (255, 0, 0, 0), "CMYK"))
        assert close(plain, (0, 255, 255)) and info.content == "b2:0"
        wrong, info = seen(flat(tmp_path / name, (255, 0, 0, 0), "CMYK", icc_profile=ADOBE))
        assert close(wrong, (0, 255, 255)) and "is for RGB" in info.warnings[0]


def test_lab(tmp_path: Path) -> None:
    found, _ = seen(flat(tmp_path / "a.tif", (138, 209, 198), "LAB"))  # L* 54.3, a* 81, b* 70: red
    assert close(found, (255, 0, 0), 6), found


def test_palettes_and_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([200, 100, 50, 0, 0, 0])
    image.save(tmp_path / "a.png", icc_profile=ADOBE)
    assert close(seen(tmp_path / "a.png")[0], (227, 100, 42))
    image.save(tmp_path / "a.png", icc_profile=ADOBE, transparency=0)
    assert seen(tmp_path / "a.png")[0] == (0, 0, 0)
    clear = flat(tmp_path / "b.png", (200, 100, 50, 0), "RGBA", icc_profile=ADOBE)
    assert seen(clear)[0] == (0, 0, 0)
    assert close(seen(flat(tmp_path / "b.png", (200, 100, 50, 255), "RGBA", icc_profile=ADOBE))[0],
                 (227, 100, 42))  # fmt: skip


def png(path: Path, colour: Rgb, *chunks: tuple[bytes, bytes], mode: str = "RGB", **o: Any) -> Path:
    """Write a PNG with chunks of one's own before the pixels."""
    flat(path, colour, mode, **o)
    data = path.read_bytes()
    more = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    path.write_bytes(data[:33] + more + data[33:])
    return path


def test_chunks_of_png(tmp_path: Path) -> None:
    path, grey = tmp_path / "a.png", (55, 55, 55)
    linear, usual = struct.pack(">I", 100_000), struct.pack(">I", 45_455)
    p3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    assert close(seen(png(path, grey, (b"gAMA", linear)))[0], (128, 128, 128))
    assert seen(png(path, grey, (b"gAMA", usual)))[0] == grey
    assert seen(png(path, grey, (b"gAMA", bytes(4))))[0] == grey
    assert seen(png(path, grey, (b"sRGB", b"\x00"), (b"gAMA", linear)))[0] == grey
    assert seen(png(path, grey, (b"gAMA", linear), icc_profile=SRGB))[0] == grey
    coloured = png(path, (200, 100, 50), (b"gAMA", usual), (b"cHRM", p3))
    assert close(seen(coloured)[0], (215, 93, 31))
    coded = png(path, (200, 100, 50), (b"cICP", bytes((12, 13, 0, 1))), icc_profile=SRGB)
    assert close(seen(coded)[0], (215, 93, 31))
    assert seen(png(path, (200, 100, 50), (b"cICP", bytes((1, 13, 0, 1)))))[0] == (200, 100, 50)
    broken = png(path, grey, (b"cHRM", struct.pack(">8I", *[0] * 8)))
    found, info = seen(broken)
    assert found == grey and "cannot be used" in info.warnings[0]


def test_hdr_white_is_nearly_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for transfer, code in ((16, 148), (18, 191)):  # 203 nits in PQ and HLG, ITU-R BT.2408
        coded = (b"cICP", bytes((9, transfer, 0, 1)))
        red, green, blue = seen(png(path, (code, code, code), coded))[0]
        assert 235 <= red <= 255 and red == green == blue


def test_adobe_rgb_that_only_exif_names(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    found, info = seen(flat(tmp_path / "a.jpg", (200, 100, 50), exif=exif, subsampling=0))
    assert close(found, (227, 100, 42), 5), (found, info.metadata)


class TestMedia:
    pytestmark = needs_media

    def test_real_files(self) -> None:
        images = MEDIA / "images"
        for path, name in (
            (images / "formats" / "exifs_iphone_13_pro_max.HEIC", "Display P3"),
            (images / "skimage_captioned" / "rocket.jpg", "Adobe RGB (1998)"),
            (images / "skimage_captioned" / "page.png", "Dot Gain 20%"),
        ):
            with open_picture(str(path), 1e9) as image:
                info = probe_picture(image, str(path), "b2:0", 1)
            assert info.metadata["colour"] == f"converted to sRGB from {name}"
        case = MEDIA.parent / "cases" / "30-pictures" / "prophoto.jpg"
        if not case.exists():
            pytest.skip("no cases beside the media")
        with open_picture(str(case), 1e9) as image:
            shown = picture_colour(image, str(case), 0).reshape(-1, 3).astype(int)
        assert (np.abs(shown - (255, 0, 0)).max(axis=1) <= 8).mean() > 0.05
