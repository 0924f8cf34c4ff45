"""Pixels that are not square: everything has the shape players show."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from core.config.screening_settings import Sampling
from core.config.spec import Spec
from core.inference.frames import shown
from core.records import ColourBatch
from core.sources.aspect import display_size
from core.sources.reader import Reader
from tests.sources.footage import scene, write_video


def test_display_sizes() -> None:
    for size, aspect, wanted in (
        ((240, 180), Fraction(4, 3), (320, 180)),
        ((720, 576), Fraction(16, 11), (1047, 576)),
        ((720, 480), Fraction(8, 9), (720, 540)),
        ((1440, 1080), Fraction(4, 3), (1920, 1080)),
        ((704, 576), Fraction(12, 11), (768, 576)),
        ((320, 180), Fraction(1), (320, 180)),
    ):
        assert display_size(*size, aspect) == wanted


def test_everything_has_the_shape_shown(reader: Reader, tmp_path: Path) -> None:
    """The container's word goes before the codec's, and absurd ones are left out."""
    cases: list[tuple[str, Fraction, tuple[int, int] | None, tuple[int, int]]] = [
        ("wide.mp4", Fraction(4, 3), None, (85, 48)),
        ("tall.mp4", Fraction(2, 3), None, (64, 72)),
        ("turned.mp4", Fraction(4, 3), (90, 0), (48, 85)),
        ("square.mp4", Fraction(1), None, (64, 48)),
        ("absurd.mp4", Fraction(1, 20), None, (64, 48)),
        ("wide.mkv", Fraction(3, 2), None, (96, 48)),
    ]
    for name, aspect, turned, wanted in cases:
        turn = None if turned is None else (turned[0], False, False)
        path = write_video(tmp_path / name, scene(6), aspect=aspect, turned=turn)
        info = reader.probe(str(path)).info
        assert (info.width, info.height) == wanted, name
        with Image.open(io.BytesIO(next(reader.stills(info, [0.1], 4096)).jpeg)) as image:
            assert image.size == wanted, name
        small = next(reader.stills(info, [0.1], 40)).jpeg
        with Image.open(io.BytesIO(small)) as image:
            assert max(image.size) == 40
        _, pixels = next(reader.shown(info, [0.1], 0))
        assert pixels.shape == (wanted[1], wanted[0], 3), name
        items = list(reader.colour(str(path), Sampling(mode="fps", fps=5.0), 2, 0))
        batch = next(item for item in items if isinstance(item, ColourBatch))
        assert batch.rgb.shape[1:3] == (wanted[1], wanted[0])
        assert batch.scale == 1.0
        # What a model says in its pixels lands in those of the picture shown.
        spec = Spec(stages=("embed",))
        assert shown(info, 0, 0.0, None, spec, None).scale == 1.0
        assert bool(info.pixels) == (wanted not in ((64, 48),)), name
        assert bool(info.warnings) == (name == "absurd.mp4")


def test_clips_keep_the_aspect(reader: Reader, tmp_path: Path) -> None:
    import av

    for name, codec, copied in (("c.mp4", "libx264", True), ("e.ts", "mpeg2video", False)):
        path = write_video(tmp_path / name, scene(6), codec=codec, aspect=Fraction(4, 3))
        out = tmp_path / f"{name}.clip.mp4"
        assert reader.clip(str(path), 0.0, 0.2, str(out)).copied == copied
        with av.open(str(out)) as opened:
            container: Any = opened
            assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
        assert reader.probe(str(out)).info.width == 85
