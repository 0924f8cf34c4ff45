"""Colours of video as people and models see them, from all tags, and from none."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.config.screening_settings import Sampling
from core.records import ColourBatch
from core.sources.colour import colour_frame, still_frame
from core.sources.colour_tags import reading
from core.sources.light import Transfer, sdr_luminance, to_bt709
from core.sources.reader import Reader
from tests.sources.footage import scene, write_video

GREEN = (32, 192, 64)
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Kr and Kb of ITU-T H.273, table 4, by matrix number"""


def plain_frame(
    rgb: tuple[int, int, int],
    layout: str = "yuv420p",
    *,
    coded: int,
    tags: tuple[int, int, int, int],
    size: tuple[int, int] = (64, 48),
) -> Any:
    """Return a frame of one colour, computed by the definition of Y'CbCr with matrix `coded`."""
    import av

    frame: Any = av.VideoFrame(*size, layout)
    bits = frame.format.components[0].bits
    levels = _levels(rgb, WEIGHTS[coded], bits, full=tags[3] == 2)
    for plane, level in zip(frame.planes, levels, strict=True):
        kind = np.uint8 if bits == 8 else np.uint16
        plane.update(np.full(plane.buffer_size // kind().itemsize, level, kind).tobytes())
    frame.colorspace, frame.color_trc, frame.color_primaries, frame.color_range = tags
    return frame


def _levels(
    rgb: tuple[int, int, int], weights: tuple[float, float], bits: int, *, full: bool
) -> tuple[int, int, int]:
    (red, green, blue), (kr, kb) = (value / 255 for value in rgb), weights
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = (blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)
    if full:
        top = 2**bits - 1
        return round(luma * top), *(round(c * top + 2 ** (bits - 1)) for c in chroma)
    unit = 2 ** (bits - 8)
    return round((16 + 219 * luma) * unit), *(round((128 + 224 * c) * unit) for c in chroma)


@pytest.mark.parametrize("layout", ["yuv420p", "yuv444p", "yuv422p", "yuv420p10le", "yuv444p12le"])
def test_tags_and_no_tags(layout: str) -> None:
    hd, sd = (1280, 24), (64, 48)
    for coded, matrix, size in (
        (1, 1, sd), (5, 5, sd), (6, 6, sd), (9, 9, sd), (1, 1, hd), (6, 6, hd),
        (6, 2, sd), (1, 2, hd), (1, 2, (24, 720)), (6, 2, (1279, 24)), (1, 0, hd), (1, 3, hd),
    ):  # fmt: skip
        for level in (1, 2):
            tags = (matrix, 2, 2, level)
            frame = plain_frame(GREEN, layout, coded=coded, tags=tags, size=size)
            for picture in (still_frame(frame, 4096), still_frame(frame, 40)):
                off = np.abs(picture.astype(int) - GREEN).max()
                assert off <= 2, (coded, matrix, size, level)
            # What models see is converted less carefully where it always was; by one more.
            assert np.abs(colour_frame(frame, 48).astype(int) - GREEN).max() <= 3


def test_matrices_nobody_undoes_are_left_and_named() -> None:
    for matrix, name in ((8, "YCgCo"), (14, "ICtCp"), (15, "Dolby Vision")):
        frame = plain_frame(GREEN, coded=6, tags=(matrix, 16, 9, 1))
        assert name in reading(frame).unknown
        assert still_frame(frame, 64).shape == (48, 64, 3)
    assert "linear" in reading(plain_frame(GREEN, coded=1, tags=(1, 8, 1, 1))).unknown


def test_rgb_coded_video(reader: Reader, tmp_path: Path) -> None:
    flat = [np.full((48, 64, 3), GREEN, np.uint8)] * 3
    for codec, pixels in (("libx264rgb", "rgb24"), ("ffv1", "gbrp10le"), ("libvpx-vp9", "gbrp")):
        path = write_video(tmp_path / f"{codec}.mkv", flat, codec=codec, pixels=pixels)
        info = reader.probe(str(path)).info
        _, shown = next(reader.shown(info, [0.0], 0))
        assert np.abs(shown.astype(int) - GREEN).max() <= 2, codec


def test_every_way_shows_the_same_colour(reader: Reader, tmp_path: Path) -> None:
    """Untagged HD, by stills, by sampling (decord would use BT.601), and in a clip of its own."""
    flat = [np.full((720, 64, 3), GREEN, np.uint8)] * 12
    path = tmp_path / "hd.mp4"
    write_video(path, flat, tags=(1, 2, 2, 0), options={"qp": "1", "g": "4"})
    _strip_tags(path)
    info = reader.probe(str(path)).info
    assert info.pixels == "ITU709 by size"
    _, shown = next(reader.shown(info, [0.1], 640))
    items = list(reader.colour(str(path), Sampling(mode="fps", fps=5.0), 4, 640))
    batch = next(item for item in items if isinstance(item, ColourBatch))
    assert np.array_equal(batch.rgb[0], next(reader.shown(info, [0.0], 640))[1])
    with Image.open(io.BytesIO(next(reader.stills(info, [0.1], 320)).jpeg)) as image:
        still = np.asarray(image.convert("RGB"), int)
    for picture in (shown, still):
        assert np.abs(picture.astype(int) - GREEN).max() <= 3


def _strip_tags(path: Path) -> None:
    """Write the same pictures without colour tags."""
    import av

    with av.open(str(path)) as opened:
        frames = list(opened.decode(video=0))
    with av.open(str(path), "w") as opened:
        target: Any = opened
        film = target.add_stream("libx264", rate=25, options={"qp": "1", "g": "4"})
        film.width, film.height = frames[0].width, frames[0].height
        film.pix_fmt = "yuv420p"
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.pict_type = 0
            target.mux(film.encode(frame))
        target.mux(film.encode(None))


def pq(nits: float) -> float:
    """Return the PQ signal of a luminance: the inverse EOTF of SMPTE ST 2084."""
    part = (nits / 10_000) ** (2610 / 16384)
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    return float(((c1 + c2 * part) / (1 + c3 * part)) ** (2523 / 32))


def codes(*rgb: float) -> NDArray[np.uint16]:
    return np.full((2, 2, 3), [round(65535 * value) for value in rgb], np.uint16)


CURVES: tuple[tuple[float, Transfer], ...] = ((0.75, "hlg"), (pq(203), "pq"))


class TestLight:
    def test_grey_of_pq(self) -> None:
        """Values by hand from method C: 0.83802 Y, above 69.8 15.09968 ln(...) + 78.99439."""
        for nits, wanted in ((0, 0), (10, 90.8), (50, 177.5), (100, 224.2), (203, 244.8)):
            got = to_bt709(codes(*[pq(nits)] * 3), "pq", "bt2020")
            assert np.abs(got.astype(int) - wanted).max() <= 1.6, nits
        for nits in (1000, 4000, 10_000):
            assert (to_bt709(codes(*[pq(nits)] * 3), "pq", "bt2020") == 255).all()

    def test_brighter_is_never_darker(self) -> None:
        curve = sdr_luminance(np.linspace(0, 1200, 5000))
        assert (np.diff(curve) >= 0).all()
        assert curve[-1] == 1.0
        assert curve[np.searchsorted(np.linspace(0, 1200, 5000), 600)] < 1.0

    def test_hlg_reference_white(self) -> None:
        """HLG of 75 % is 203 cd/m2 on a display of 1,000 (BT.2408): the same near-white as PQ."""
        hlg, of_pq = (
            to_bt709(codes(*[signal] * 3), curve, "bt2020")[0, 0] for signal, curve in CURVES
        )
        assert np.abs(hlg.astype(int) - of_pq).max() <= 1
        assert (to_bt709(codes(1, 1, 1), "hlg", "bt2020") == 255).all()
        assert (to_bt709(codes(0, 0, 0), "hlg", "bt2020") == 0).all()

    def test_primaries(self) -> None:
        """A colour of BT.709, written in BT.2020 or P3, comes back as it was."""
        to_709 = {
            # BT.2087, table 3; P3 from its chromaticities in SMPTE EG 432-1
            "bt2020": [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083],
                       [-0.0182, -0.1006, 1.1187]],
            "p3": [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0196, -0.0786, 1.0979]],
        }  # fmt: skip
        light = (np.array(GREEN) / 255) ** 2.4
        for name, matrix in to_709.items():
            wide = np.linalg.solve(np.array(matrix), light)
            got = to_bt709(codes(*wide ** (1 / 2.4)), "sdr", name)  # type: ignore[arg-type]
            assert np.abs(got.astype(int) - GREEN).max() <= 1, name
        gray = to_bt709(codes(0.5, 0.5, 0.5), "sdr", "bt2020")
        assert np.ptp(gray) == 0


def test_hdr_files(reader: Reader, tmp_path: Path) -> None:
    for transfer, signal in ((16, pq(203)), (18, 0.75)):
        flat = [np.full((48, 64, 3), round(65535 * signal), np.uint16)] * 4
        path = write_video(
            tmp_path / f"{transfer}.mkv", flat, codec="ffv1", pixels="yuv420p10le",
            tags=(9, transfer, 9, 1),
        )  # fmt: skip
        info = reader.probe(str(path)).info
        assert info.metadata["transfer"] == ("PQ" if transfer == 16 else "HLG")
        assert info.pixels
        _, shown = next(reader.shown(info, [0.0], 0))
        with Image.open(io.BytesIO(next(reader.stills(info, [0.0], 64)).jpeg)) as image:
            still = np.asarray(image.convert("RGB"))
        for picture in (shown, still):
            assert 242 <= picture.min() <= picture.max() <= 248


def test_plain_video_is_shown_as_before(reader: Reader, tmp_path: Path) -> None:
    """What was said about it still holds, so nothing may change: FFmpeg's own conversion."""
    import av

    path = write_video(tmp_path / "plain.mp4", scene(3))
    assert reader.probe(str(path)).info.pixels == ""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    whole = frame.reformat(width=64, height=48, format="rgb24", interpolation="AREA").to_ndarray()
    assert np.array_equal(colour_frame(frame, 0), whole)


def test_dolby_vision_without_a_base_picture_is_left() -> None:
    """Profile 5 states nothing in its tags; profile 8 has a base picture with tags of its own."""
    from core.sources.colour_tags import _reading

    left = _reading(False, True, (2, 2, 2), (3840, 2160), True)
    assert "profile 5" in left.unknown
    assert not left.in_light
    assert _reading(False, True, (9, 16, 9), (3840, 2160), True).transfer == "pq"
    assert _reading(False, True, (2, 2, 2), (3840, 2160), False).unknown == ""
