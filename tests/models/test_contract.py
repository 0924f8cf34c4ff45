"""Every vision family in the table, through the same tests."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from core.errors import ImageRejected, ModelMissing, ModelRefused, UnknownName
from core.models import registry as table
from core.models.protocols import Detector, Embedder, Loading, Model

from .looking import EACH, FIXTURES, NAMES, ModelStage, assert_same, load, look, picture, ragged

WEIGHTS = "*.safetensors"


def of_kind(kind: str) -> list[Any]:
    """Return the parameters of the families of one kind."""
    return [pytest.param(one, id=one[1]) for one in EACH if table.KINDS[one[0]] == kind]


@pytest.fixture(scope="module")
def shelf() -> Iterator[Callable[[tuple[str, str]], Model]]:
    """Load each tiny model once for all tests here."""
    loaded = cache(lambda one: load(*one))
    yield loaded
    loaded.cache_clear()


Shelf = Callable[[tuple[str, str]], Model]


@pytest.fixture(params=EACH, ids=NAMES)
def model(request: pytest.FixtureRequest, shelf: Shelf) -> Model:
    return shelf(request.param)


@pytest.fixture(params=of_kind("detector"))
def detector(request: pytest.FixtureRequest, shelf: Shelf) -> Detector:
    return cast("Detector", shelf(request.param))


@pytest.fixture(params=of_kind("embedder"))
def embedder(request: pytest.FixtureRequest, shelf: Shelf) -> Embedder:
    return cast("Embedder", shelf(request.param))


@pytest.fixture(params=[(f, made[0]) for f, made in FIXTURES.items() if made], ids=lambda p: p[0])
def family(request: pytest.FixtureRequest) -> tuple[str, str]:
    return cast("tuple[str, str]", request.param)


def test_the_table_names_the_kind_of_every_family() -> None:
    assert set(table.KINDS) == set(table.FAMILIES)
    assert set(FIXTURES) == {name for name, kind in table.KINDS.items() if kind != "vlm"}


def test_loads_from_disk_and_says_what_it_is(model: Model) -> None:
    identity = model.identity
    assert model.kind == table.KINDS[identity.family]
    assert model.device == "cpu"
    assert model.memory_bytes > 50_000
    assert identity.model.startswith("tiny/")
    assert (identity.revision, identity.dtype, identity.quantize) == ("local-1", "float32", "none")
    assert identity.attn in ("sdpa", "eager")
    assert len(identity.preprocessing) == 16


def test_a_ragged_batch_answers_as_one_at_a_time(model: Model) -> None:
    model_stages = ragged()
    together = look(model, model_stages)
    assert len(together) == len(model_stages)
    for one, answer in zip(model_stages, together, strict=True):
        assert_same(answer, look(model, [one])[0])


def test_shuffling_shuffles_the_answers_alike(model: Model) -> None:
    model_stages = ragged()
    order = random.Random(7).sample(range(len(model_stages)), len(model_stages))
    straight, shuffled = look(model, model_stages), look(model, [model_stages[i] for i in order])
    for place, index in enumerate(order):
        assert_same(shuffled[place], straight[index])


def test_answers_differ_between_pictures(model: Model) -> None:
    one, other = look(model, [ModelStage(picture(1, 96, 96)), ModelStage(picture(2, 96, 96))])
    with pytest.raises(AssertionError):
        assert_same(one, other)


def test_no_pictures_no_answers(model: Model) -> None:
    assert look(model, []) == []


def test_odd_sizes_work_or_are_rejected_by_number(model: Model) -> None:
    usual = ModelStage(picture(1, 96, 96))
    alone = look(model, [usual])[0]
    rejected: dict[str, ImageRejected] = {}
    for height, width in ((1, 1), (1, 900), (900, 1), (2, 3), (700, 20)):
        try:
            assert_same(look(model, [usual, ModelStage(picture(2, height, width))])[0], alone)
        except ImageRejected as refusal:
            rejected[f"{width}x{height}"] = refusal
    for size, error in rejected.items():
        assert error.index == 1, size
        assert size in str(error)


def test_grey_pictures_work(model: Model) -> None:
    grey = np.full((60, 80, 3), 128, np.uint8)
    assert len(look(model, [ModelStage(grey)])) == 1


NO_PICTURES: list[Any] = [
    np.zeros((8, 8), np.uint8),
    np.zeros((8, 8, 3), np.float32),
    np.zeros((0, 8, 3), np.uint8),
]


def test_what_is_no_picture_is_rejected_by_number(model: Model) -> None:
    for bad in NO_PICTURES:
        with pytest.raises(ImageRejected) as caught:
            look(
                model,
                [ModelStage(picture(1, 96, 96)), ModelStage(picture(1, 64, 64)), ModelStage(bad)],
            )
        assert caught.value.index == 2, (bad.shape, bad.dtype)


def test_boxes_lie_in_their_picture_and_bear_labels_that_were_asked(detector: Detector) -> None:
    found = 0
    for one, boxes in zip(ragged(), look(detector, ragged()), strict=True):
        height, width = one.picture.shape[:2]
        allowed = one.labels if detector.open_vocabulary else detector.labels
        assert {box.label for box in boxes} <= set(allowed)
        assert [box.score for box in boxes] == sorted((box.score for box in boxes), reverse=True)
        for box in boxes:
            assert 0 <= box.x < box.x + box.width <= width + 1e-3
            assert 0 <= box.y < box.y + box.height <= height + 1e-3
            assert 0 < box.score <= 1
        found += len(boxes)
    assert found
    assert bool(detector.labels) != detector.open_vocabulary


def test_the_threshold_is_held(detector: Detector) -> None:
    one = picture(1, 96, 96)
    raw = detector.detect(detector.prepare([one], [["a cat", "a dog"]]))
    everything = detector.finish(raw, 0.0)[0]
    middle = everything[len(everything) // 2].score
    kept = detector.finish(raw, middle)[0]
    assert all(box.score > middle for box in kept)
    assert len(kept) < len(everything)


def test_texts_and_pictures_meet_in_one_space(embedder: Embedder) -> None:
    texts = embedder.embed_texts(["a cat", "a red circle on the grass", "Zug 7 nach München"])
    pictures = embedder.embed(embedder.prepare([picture(1, 50, 70), picture(2, 70, 50)]))
    assert texts.shape == (3, embedder.dimension)
    assert pictures.shape == (2, embedder.dimension)
    assert texts.dtype == pictures.dtype == np.float32
    assert np.linalg.norm(np.concatenate([texts, pictures]), axis=1) == pytest.approx(1, abs=1e-5)
    assert embedder.embed_texts([]).shape == (0, embedder.dimension)
    one = embedder.embed_texts(["a red circle on the grass"])
    assert one[0] == pytest.approx(texts[1], abs=1e-5)
    assert np.abs(texts[0] - texts[1]).max() > 1e-3


def test_probabilities_are_the_models_own(embedder: Embedder) -> None:
    cosines = np.array([[0.9, 0.1, -0.3], [0.0, 0.0, 0.0]], np.float32)
    chances = embedder.similarity_to_probability(cosines)
    assert chances.shape == cosines.shape
    assert chances.dtype == np.float32
    assert (chances[0, :-1] > chances[0, 1:]).all()
    if embedder.identity.family != "siglip":
        assert chances.sum(1) == pytest.approx(1, abs=1e-5)


def test_a_closed_model_lets_go(family: tuple[str, str]) -> None:
    import gc
    import weakref

    loaded = load(*family)
    inner = weakref.ref(cast("Any", loaded)._loaded.model)
    loaded.close()
    gc.collect()
    assert inner() is None
    assert loaded.memory_bytes == 0


def test_missing_weights_are_refused(
    family: tuple[str, str], own_copy: Callable[[str], Path]
) -> None:
    from safetensors.torch import load_file, save_file

    folder = own_copy(family[1])
    path = next(folder.glob(WEIGHTS))
    weights = load_file(path)
    gone = [name for name in weights if name.endswith("weight")][3]
    save_file({k: v for k, v in weights.items() if k != gone}, path, metadata={"format": "pt"})
    with pytest.raises(ModelRefused, match=r"(lacks weights|Missing key).*weight"):
        load(family[0], folder)


def test_a_cut_file_is_refused_and_named(
    family: tuple[str, str], own_copy: Callable[[str], Path]
) -> None:
    folder = own_copy(family[1])
    path = next(folder.glob(WEIGHTS))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelRefused, match=rf"{path.name} is truncated.*again"):
        load(family[0], folder)


def test_pickles_are_refused(family: tuple[str, str], own_copy: Callable[[str], Path]) -> None:
    folder = own_copy(family[1])
    next(folder.glob(WEIGHTS)).rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelRefused, match="pickle"):
        load(family[0], folder)


def test_an_absent_folder_is_named(family: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="nowhere is not there"):
        load(family[0], tmp_path / "nowhere")


def test_an_unknown_family_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'siglip'"):
        table.load(Loading("x", "sigclip", None, "local-1"))
