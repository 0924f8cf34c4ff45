"""Every real picture gives facts and an upright luma, or one line saying what is wrong with it."""

from __future__ import annotations

import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.config.screening_settings import Limits
from core.errors import MissingExtra, SourceError, TooLarge, Unreadable
from core.sources.colour import rough_size
from core.sources.reader import Reader
from tests.sources.reading import MEDIA, files_under, needs_media

IMAGES = MEDIA / "images"
DAMAGED = {
    "derived_lightning_truncated_40pct.jpg": "truncated",
    "heif_corrupted.hif": "not a picture",
    "libheif_lightning_mini.heif": "not a picture",
    "pillow_broken.png": "not a picture",
    "pillow_crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif": "damaged",
    "pillow_hopper_unknown_pixel_mode.tif": "not a picture",
    "pillow_oom-225817ca0f8c663be7ab4b9e717b02c661e66834.tif": "not a picture",
    "pillow_truncated_jpeg.jpg": "truncated",
    "pillow_ultrahdr.jpg": "truncated",
    "skimage_truncated.jpg": "Truncated",
}
BOMBS = ("heif_200MP.heic", "pillow_decompression_bomb.gif")
ANIMATED = (
    "avif_Chimera-AV1-10bit-480x270.avif",
    "pillow_chi.gif",
    "pillow_iss634.gif",
    "skimage_no_time_for_that_tiny.gif",
    "pillow_decompression_bomb_extents.gif",
)
SLOW = ("exifs_HMD_Nokia_8.3_5G_hdr.heif", "heif_pug.heic")
PICTURES = [
    path
    for path in files_under("images", ".csv", ".json", ".jsonl")
    if path.name not in (*DAMAGED, *BOMBS, *ANIMATED)
]


@pytest.fixture(scope="module")
def careful() -> Any:
    reader = Reader(Limits(max_megapixels=100))
    yield reader
    reader.close()


def gray_of_jpeg(jpeg: bytes, shape: tuple[int, ...]) -> NDArray[np.float64]:
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.height / image.width == pytest.approx(shape[0] / shape[1], rel=0.02)
        size = (shape[1], shape[0])
        return np.asarray(image.convert("L").resize(size, Image.Resampling.BOX), np.float64)


class TestRealFiles:
    pytestmark = needs_media

    @pytest.mark.parametrize(
        "folder", ["formats", "exif", "broken", "lightning_stills", "coco33", "skimage_captioned"]
    )
    def test_facts_luma_and_thumbnail_agree(self, careful: Reader, folder: str) -> None:
        paths = [path for path in PICTURES if path.parent.name == folder]
        assert len(paths) >= 6
        for path in paths:
            self.check(careful, path)

    def check(self, careful: Reader, path: Path) -> None:
        probed = careful.probe(str(path))
        info, picture = probed.info, probed.picture
        assert picture is not None, path
        luma = picture.luma[0]
        assert max(luma.shape) <= 640
        assert luma.shape[0] / luma.shape[1] == pytest.approx(info.height / info.width, rel=0.02)
        assert max(info.width, info.height) == pytest.approx(
            max(luma.shape) * picture.scale, abs=picture.scale
        )
        assert len(json.dumps(info.metadata, allow_nan=False)) < 20_000
        if path.name in SLOW:
            return
        [still] = careful.stills(info, [0.0], 640)
        difference = np.abs(gray_of_jpeg(still.jpeg, luma.shape) - luma).mean()
        assert difference < 7, (path.name, difference)

    @pytest.mark.parametrize("name", DAMAGED)
    def test_damaged(self, careful: Reader, name: str) -> None:
        with pytest.raises(Unreadable, match=DAMAGED[name]) as raised:
            careful.probe(str(next(IMAGES.rglob(name))))
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize("name", BOMBS)
    def test_bombs(self, careful: Reader, name: str) -> None:
        with pytest.raises(TooLarge, match=r"limits\.max_megapixels = 100"):
            careful.probe(str(next(IMAGES.rglob(name))))

    @pytest.mark.parametrize("name", ANIMATED)
    def test_animated_pictures_are_videos(self, careful: Reader, name: str) -> None:
        assert careful.probe(str(next(IMAGES.rglob(name)))).info.kind == "video"

    def test_metadata(self, careful: Reader) -> None:
        def metadata(name: str) -> dict[str, Any]:
            return careful.probe(str(next(IMAGES.rglob(name)))).info.metadata

        iphone = careful.probe(str(IMAGES / "formats" / "exifs_iphone_13_pro_max.HEIC")).info
        assert (iphone.width, iphone.height) == (3024, 4032)
        assert metadata("exifs_iphone_13_pro_max.HEIC")["exif"]["Model"] == "iPhone 13 Pro Max"
        pug = metadata("heif_pug.heic")["gps"]
        assert -90 <= pug["latitude"] <= 90
        assert -180 <= pug["longitude"] <= 180
        square = careful.probe(str(next(IMAGES.rglob("xmp_BlueSquare.jpg")))).info
        if find_spec("defusedxml"):
            assert "Blue Square" in str(square.metadata["xmp"])
        else:
            assert "xmp cannot be read (ModuleNotFoundError)" in square.warnings
        chimera = careful.probe(
            str(IMAGES / "formats" / "avif_Chimera-AV1-10bit-480x270.avif")
        ).info
        assert (chimera.container, chimera.frame_count) == ("avif", 95)
        assert metadata("heif_bird_burst.heic")["frames"] == 4
        assert metadata("pillow_sugarshack.mpo")["frames"] == 2
        odd = careful.probe(str(next(IMAGES.rglob("avif_paris_icc_exif_xmp.png")))).info
        assert odd.warnings == ("exif cannot be read (ValueError)",)

    def test_named_as_something_else(self, careful: Reader, tmp_path: Path) -> None:
        (tmp_path / "photo.mp4").write_bytes(
            (IMAGES / "formats" / "pillow_flower.jpg").read_bytes()
        )
        film = MEDIA / "videos" / "codecs" / "testsrc2.mp4"
        (tmp_path / "film.jpg").write_bytes(film.read_bytes())
        (tmp_path / "film").write_bytes(film.read_bytes())
        kinds = [careful.probe(str(path)).info.kind for path in sorted(tmp_path.iterdir())]
        assert kinds == ["video", "video", "picture"]


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(careful: Reader, tmp_path: Path, ending: str, orientation: int) -> None:
    """A picture bright in one corner, stored turned in each of the eight ways."""
    upright = np.zeros((64, 128, 3), np.uint8)
    upright[:32, :32] = 255
    upright[:32, 96:] = 120
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    image = Image.fromarray(upright)
    if orientation > 1:
        image = image.transpose(list(Image.Transpose)[undo[orientation]])
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"turned.{ending}"
    image.save(path, exif=exif, quality=95)
    probed = careful.probe(str(path))
    assert probed.picture is not None
    luma = probed.picture.luma[0].astype(float)
    assert (probed.info.width, probed.info.height) == (128, 64)
    assert np.abs(luma - upright[:, :, 0]).mean() < 5
    [still] = careful.stills(probed.info, [0.0], 640)
    assert np.abs(gray_of_jpeg(still.jpeg, luma.shape) - upright[:, :, 0]).mean() < 5


def test_png_cut_off_in_its_pixels(careful: Reader, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    whole = (tmp_path / "noise.png").read_bytes()
    info = careful.probe(str(tmp_path / "noise.png")).info
    (tmp_path / "noise.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unreadable, match="damaged or cut off"):
        careful.probe(str(tmp_path / "noise.png"))
    with pytest.raises(Unreadable, match="damaged or cut off"):
        list(careful.stills(info, [0.0], 100))


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, 255),
        ("L", 90, 90),
        ("LA", (200, 128), 100),
        ("RGBA", (200, 200, 200, 128), 100),
        ("CMYK", (0, 0, 0, 155), 100),
        ("I;16", 25700, 100),
        ("I", 25700, 100),
        ("LAB", (100, 128, 128), 92),  # L* 39.2 is 92 in sRGB
        ("P", 3, 3),
    ],
)
def test_modes(careful: Reader, tmp_path: Path, mode: str, value: Any, expected: int) -> None:
    image = Image.new(mode, (40, 30), value)
    if mode == "P":
        image.putpalette([level for level in range(256) for _ in range(3)])
    path = tmp_path / ("flat.png" if mode == "P" else "flat.tif")
    image.save(path)
    picture = careful.probe(str(path)).picture
    assert picture is not None
    assert abs(int(picture.luma[0, 0, 0]) - expected) <= 1


def test_palette_with_transparency(careful: Reader, tmp_path: Path) -> None:
    image = Image.new("P", (40, 30), 0)
    image.putpalette([200, 200, 200, 100, 100, 100])
    image.paste(1, (0, 0, 20, 30))
    image.save(tmp_path / "see-through.png", transparency=0)
    picture = careful.probe(str(tmp_path / "see-through.png")).picture
    assert picture is not None
    assert picture.luma[0, 5, [5, 35]].tolist() == [100, 0]


def test_odd_numbers_in_a_float_picture(careful: Reader, tmp_path: Path) -> None:
    pixels = np.linspace(-1, 1, 1200, dtype=np.float32).reshape(30, 40)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    Image.fromarray(pixels).save(tmp_path / "float.tif")
    picture = careful.probe(str(tmp_path / "float.tif")).picture
    assert picture is not None
    assert picture.luma[0, 29, 39] == 255


def test_raw_without_its_package(careful: Reader, tmp_path: Path) -> None:
    (tmp_path / "shot.nef").write_bytes(b"II*\0" + bytes(100))
    try:
        import rawpy  # noqa: F401
    except ImportError:
        expected: type[Exception] = MissingExtra
    else:
        expected = SourceError
    with pytest.raises(expected):
        careful.probe(str(tmp_path / "shot.nef"))


SHAPES = ((1600, 1200), (1025, 769), (700, 500), (3300, 3079), (9001, 801), (500, 20_001))
"""width, height"""


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("ending", "orientation"), [("jpg", 1), ("jpg", 6), ("png", 1)])
def test_roughly_is_the_picture_at_a_fraction_of_its_size(
    careful: Reader, tmp_path: Path, shape: tuple[int, int], ending: str, orientation: int
) -> None:
    coarse = np.random.default_rng(5).integers(0, 255, (9, 12, 3), np.uint8)
    whole = Image.fromarray(coarse).resize(shape, Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x112] = orientation
    whole.save(tmp_path / f"one.{ending}", exif=exif, quality=95)
    rough = careful.probe(str(tmp_path / f"one.{ending}"), luma=False, colour="roughly").colour
    assert rough is not None
    upright = whole if orientation == 1 else whole.transpose(Image.Transpose.ROTATE_270)
    height, width, _ = rough.shape
    assert (width, height) == rough_size(*upright.size)
    by = round(upright.width / width)
    assert by in (1, 2, 4, 8) and (
        by == 1 or min(width, height) >= 384 or max(width, height) > 2560
    )
    wanted = np.asarray(upright.resize((width, height), Image.Resampling.BOX), np.float64)
    assert np.abs(rough - wanted).mean() < 2.0


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((383, 383), (383, 383)),
        ((768, 768), (384, 384)),
        ((767, 2000), (767, 2000)),
        ((4000, 3000), (1000, 750)),
        ((6000, 4000), (750, 500)),
        ((20_480, 400), (2560, 50)),
        ((1, 1), (1, 1)),
    ],
)
def test_no_smaller_than_embedders_see(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert rough_size(*shape) == size


def test_damaged_notes_never_cost_the_picture(careful: Reader, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274], exif[0x110] = 1, "A Camera"
    exif.get_ifd(0x8825).update({1: "S", 2: (33, 51, 29.0), 3: "W", 4: (70, 1, 2.0)})
    random = np.random.default_rng(7)
    for ending in ("jpg", "png", "webp", "avif"):
        path = tmp_path / f"a.{ending}"
        Image.new("RGB", (40, 30), (200, 200, 200)).save(path, exif=exif)
        whole = path.read_bytes()
        at = max(whole.find(b"II*\0"), whole.find(b"MM\0*"))
        assert at > 0, ending
        for _ in range(8):
            broken = bytearray(whole)
            for place in random.integers(at, at + 100, 12):
                broken[place] = int(random.integers(0, 256))
            broken[at : at + 2] = b"??"
            path.write_bytes(broken)
            probed = careful.probe(str(path))
            assert probed.picture is not None
            assert abs(int(probed.picture.luma[0, 15, 20]) - 200) <= 4, ending


def test_a_heif_is_turned_by_its_own_rotation_only(careful: Reader, tmp_path: Path) -> None:
    """ISO/IEC 23008-12: `irot` and `imir` count, EXIF's orientation does not."""
    import pillow_heif

    exif = Image.Exif()
    exif[274] = 6
    image = Image.new("RGB", (64, 32))
    image.paste((255, 255, 255), (0, 0, 32, 32))
    stored = pillow_heif.from_pillow(image)
    stored.save(str(tmp_path / "plain.heic"), quality=95)
    stored.info["exif"] = exif.tobytes()
    stored.save(str(tmp_path / "both.heic"), quality=95)
    both = (tmp_path / "both.heic").read_bytes()
    assert b"irot" in both
    # Two boxes that nobody knows: the file says nothing of its rotation any more.
    (tmp_path / "exif.heic").write_bytes(both.replace(b"irot", b"free").replace(b"imir", b"free"))
    turned = careful.probe(str(tmp_path / "both.heic")).info
    left = careful.probe(str(tmp_path / "exif.heic")).info
    assert (turned.width, turned.height, turned.warnings) == (32, 64, ())
    assert (left.width, left.height) == (64, 32)
    assert len(left.warnings) == 1
    assert left.warnings[0].startswith("EXIF orientation 6 is not applied")
    assert left.metadata["exif"]["Orientation"] == turned.metadata["exif"]["Orientation"] == 6
