"""Pictures of many shapes, and one way to ask any vision family about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from core.models import registry as table
from core.models.protocols import Detector, Embedder, Loading, Model, Pixels, Segmenter
from core.records import Box
from tests.tiny.shelf import tiny_model

FIXTURES = {
    "open_clip": ("open_clip", "open_clip_longest"),
    "clip": ("clip", "metaclip_2"),
    "siglip": ("siglip", "siglip2_naflex"),
    "grounding_dino": ("grounding_dino", "mm_grounding_dino"),
    "owlv2": ("owlv2",),
    "omdet_turbo": ("omdet_turbo",),
    "detr": (),
    "rt_detr": ("rt_detr",),
    "rf_detr": ("rf_detr",),
    "yolos": ("yolos",),
    "sam": ("sam",),
    "sam2": ("sam2",),
    "edgetam": ("edgetam",),
    "sam3": ("sam3",),
}
"""the tiny checkpoints each vision family is tried on"""

EACH = [(family, fixture) for family, made in FIXTURES.items() for fixture in made]
NAMES = [fixture for _, fixture in EACH]
SIZES = ((90, 160), (96, 96), (128, 64), (90, 160), (200, 200), (96, 96))


@dataclass(frozen=True)
class ModelStage:
    """One picture with what is asked about it."""

    picture: Pixels
    labels: tuple[str, ...] = ("a cat", "red car")
    boxes: tuple[Box, ...] = field(default=(Box("", 1, 4, 5, 40, 30),))


def picture(seed: int, height: int, width: int) -> Pixels:
    """A smooth random picture, so that ways of resizing it agree."""
    small = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    whole = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(whole)


def ragged() -> list[ModelStage]:
    """Six pictures of four sizes with different labels and numbers of boxes, one with none."""
    asked = [("a cat",), ("a dog", "person"), ("a cat", "red car", "tree"), (), ("tree",)]
    some = [
        ModelStage(
            picture(seed, *size), asked[seed % 5], tuple(box(seed, n) for n in range(seed % 4))
        )
        for seed, size in enumerate(SIZES)
    ]
    return [*some[:5], replace(some[5], labels=("a cat",))]


def box(seed: int, number: int) -> Box:
    """A box that differs from every other."""
    return Box("", 1.0, 3.0 + 5 * number, 4.0 + seed, 20.0 + 3 * seed, 30.0 + 2 * number)


def load(family: str, folder: Path | str, **more: Any) -> Model:
    """Load a model from a folder, or a tiny checkpoint by its name."""
    place = folder if isinstance(folder, Path) else tiny_model(folder)
    return table.load(Loading(f"tiny/{place.name}", family, place, "local-1", **more))


def look(model: Model, model_stages: Sequence[ModelStage]) -> list[Any]:
    """Ask the model about all pictures in one call; return one answer a picture."""
    pictures = [one.picture for one in model_stages]
    if model.kind == "embedder":
        embedder = cast("Embedder", model)
        return list(embedder.embed(embedder.prepare(pictures)))
    if model.kind == "detector":
        detector = cast("Detector", model)
        prepared = detector.prepare(pictures, [one.labels for one in model_stages])
        return detector.finish(detector.detect(prepared), 0.0)
    segmenter = cast("Segmenter", model)
    prepared = segmenter.prepare(pictures, [one.boxes for one in model_stages])
    return segmenter.finish(segmenter.segment(prepared))


def assert_same(one: Any, other: Any) -> None:
    """Compare two answers of a model about the same picture."""
    if isinstance(one, np.ndarray):
        assert one == pytest.approx(other, abs=1e-4)
        return
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        if isinstance(left, Box):
            assert left.label == right.label
            numbers = (left.score, left.x, left.y, left.width, left.height)
            assert numbers == pytest.approx(
                (right.score, right.x, right.y, right.width, right.height), abs=1e-2
            )
        else:
            assert left.shape == right.shape
            assert float((left == right).mean()) > 0.999
