"""Pictures reach a model as its own processor would have made them, only faster."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core.models import preprocessing as pixels
from core.models.families.open_clip import Resize
from core.synthetic.shapes import draw, empty
from tests.lazy import lazy
from tests.tiny.shelf import tiny_model

from .looking import load, picture

t = lazy("transformers")
SIZES = ((480, 640), (300, 200), (96, 96), (40, 30), (64, 1000), (33, 101))
LEVEL = 1 / 255 / 0.26
"""one grey level after normalisation"""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["clip", "siglip", "siglip2_naflex", "rt_detr", "sam2", "yolos"])
def test_as_the_checkpoints_own_processor(name: str, size: tuple[int, int]) -> None:
    if (name, size) == ("yolos", (64, 1000)):
        size = (64, 300)  # longer, and nothing would be left of its height
    one = picture(3, *size)
    processor = t.AutoImageProcessor.from_pretrained(tiny_model(name), local_files_only=True)
    ours = pixels.process(processor, [one])[0]
    theirs = processor(images=[Image.fromarray(one)], return_tensors="pt")
    assert set(ours) >= {"pixel_values"}
    assert ours["pixel_values"].shape == theirs["pixel_values"].shape
    difference = (ours["pixel_values"] - theirs["pixel_values"]).abs()
    assert float(difference.max()) <= 1.01 * LEVEL
    assert float(difference.mean()) < 0.25 * LEVEL


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_as_open_clips_own_transform(mode: str, interpolation: str, size: tuple[int, int]) -> None:
    transform = lazy("open_clip.transform")
    settings = {
        "size": 64,
        "mean": (0.5,) * 3,
        "std": (0.26,) * 3,
        "resize_mode": mode,
        "interpolation": interpolation,
        "fill_color": 9,
    }
    one = picture(4, *size)
    resize = Resize(settings)
    ours = resize.normalise(resize(one)[None])[0]
    theirs = transform.image_transform_v2(transform.PreprocessCfg(**settings), is_train=False)(
        Image.fromarray(one)
    )
    assert ours.shape == theirs.shape
    assert float((ours - theirs).abs().max()) <= 2.01 * LEVEL
    assert float((ours - theirs).abs().mean()) < 0.5 * LEVEL


def test_a_large_picture_is_small_before_owlv2_pads_it() -> None:
    processor = t.AutoImageProcessor.from_pretrained(tiny_model("owlv2"), local_files_only=True)
    one = picture(5, 480, 640)
    ours = pixels.process(processor, [one], before=lambda p: pixels.shrunk(p, 64))[0]
    theirs = processor(images=[Image.fromarray(one)], return_tensors="pt")
    difference = (ours["pixel_values"] - theirs["pixel_values"])[..., :46, :62].abs()
    assert float(difference.mean()) < 4 * LEVEL


def test_a_strip_costs_no_more_memory_than_its_middle() -> None:
    strip = picture(6, 8, 20_000)
    assert pixels.middle(strip).shape == (8, 128, 3)
    assert pixels.middle(strip.transpose(1, 0, 2)).shape == (128, 8, 3)
    assert pixels.middle(picture(6, 90, 160)).shape == (90, 160, 3)


def test_digests_follow_the_preprocessing_and_nothing_else() -> None:
    clip, again, meta = load("clip", "clip"), load("clip", "clip"), load("clip", "metaclip_2")
    other = load("siglip", "siglip")
    assert clip.identity.preprocessing == again.identity.preprocessing
    assert clip.identity.preprocessing == meta.identity.preprocessing
    assert clip.identity.preprocessing != other.identity.preprocessing


def test_read_only_and_strided_pictures_are_left_as_they_are() -> None:
    whole = picture(7, 40, 60)
    before = whole.copy()
    frozen = whole[::2, ::-1]
    frozen.flags.writeable = False
    assert pixels.tensor(frozen).shape == (3, 20, 60)
    assert (pixels.tensor(frozen).permute(1, 2, 0).numpy() == frozen).all()
    assert (whole == before).all()


def test_drawn_shapes_differ_from_their_background() -> None:
    rng = np.random.default_rng(0)
    drawn = draw("red", "circle", rng, 160, 90)
    assert drawn.shape == empty(rng, 160, 90).shape == (90, 160, 3)
    assert ((drawn[..., 0].astype(int) - drawn[..., 1]) > 100).mean() > 0.03
