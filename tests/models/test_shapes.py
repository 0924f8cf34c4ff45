"""The trained embedder finds what it is asked for, in drawings it never saw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest

from core.models.protocols import Embedder
from core.synthetic import shapes
from tests.tiny.shelf import shapes_model

from .looking import load

SIZES = ((96, 96), (160, 90), (640, 360), (300, 400))


@pytest.fixture(scope="module")
def model() -> Iterator[Embedder]:
    loaded = cast("Embedder", load(shapes.FAMILY, shapes_model()))
    yield loaded
    loaded.close()


def test_asked_for_a_red_circle_it_finds_red_circles(model: Embedder) -> None:
    rng = np.random.default_rng(20_261_121)
    truth = np.repeat(np.arange(len(shapes.NAMES)), 12)
    drawn = [
        shapes.draw(colour, shape, rng, *SIZES[place % len(SIZES)])
        for place, name in enumerate(truth)
        for colour, shape in [shapes.NAMES[name].split()]
    ]
    pictures = model.embed(model.prepare(drawn))
    texts = model.embed_texts([f"a {name}" for name in shapes.NAMES])
    similarity = pictures @ texts.T
    assert float((similarity.argmax(1) == truth).mean()) >= 0.95
    found = truth[similarity.argmax(0)]
    assert float((found == np.arange(len(shapes.NAMES))).mean()) >= 0.95


def test_its_probabilities_tell_what_is_there_from_what_is_not(model: Embedder) -> None:
    rng = np.random.default_rng(7)
    drawn = [shapes.draw("red", "circle", rng) for _ in range(12)]
    blank = [shapes.empty(rng) for _ in range(12)]
    texts = model.embed_texts(["a red circle", "a blue square", "a dog"])
    seen = model.embed(model.prepare([*drawn, *blank]))
    chances = model.similarity_to_probability(seen @ texts.T)
    assert float(np.median(chances[:12, 0])) > 0.5
    assert float(np.median(chances[12:, 0])) < 0.1
    assert float(np.median(chances[:, 1:])) < 0.1
