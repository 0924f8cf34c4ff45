"""Looks through real tiny models: every answer finds its own frame and object, whatever happens."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.config.model_settings import Models
from core.config.prompts import load_prompts
from core.config.spec import Spec
from core.errors import ImageRejected, OutOfMemory
from core.inference.detect import Detect
from core.inference.embed import Embed
from core.inference.frames import longest_side
from core.inference.leases import ModelLeases
from core.inference.objects import from_runs, runs
from core.inference.registry import open_stages
from core.inference.runner import InferenceRunner
from core.inference.stage import LazyFrame, Microbatch, PriorAnswers
from core.inference.tag import Tag
from core.models.protocols import Loading, Model
from core.models.registry import load
from core.models.residency import Residency
from core.pipeline.channel import Control
from core.storage.library import Library
from core.stores.answers import Annotation
from tests.tiny.shelf import tiny_model

LABELS = ("cat", "dog", "tree")
FAMILIES = {"clip": "clip", "grounding_dino": "grounding_dino", "sam2": "sam2"}


def loading(name: str) -> Loading:
    return Loading(name, FAMILIES[name], tiny_model(name), f"local-{name}")


def loadings() -> dict[str, Loading]:
    return {
        "tag": loading("clip"),
        "embed": loading("clip"),
        "detect": loading("grounding_dino"),
        "segment": loading("sam2"),
    }


def spec(*stages: str, batch: int = 4) -> Spec:
    return Spec(
        stages=stages,
        models=Models(batch_size=batch),
        embed=Embed(model="clip"),
        detect=Detect(model="dino", labels=LABELS, threshold=0.35),
        tag=Tag(vocabulary=("red", "green", "blue", "storm"), threshold=0.0, top=2),
    )


def pictures(count: int) -> list[NDArray[np.uint8]]:
    """Return pictures of many sizes, none like another."""
    drawn = np.random.default_rng(7)
    sizes = [(40 + 13 * n % 90, 50 + 29 * n % 110) for n in range(count)]
    coarse = [drawn.integers(0, 255, (5, 6, 3), np.uint8) for _ in sizes]
    return [
        np.repeat(np.repeat(each, height // 5, 0), width // 6, 1)
        for each, (height, width) in zip(coarse, sizes, strict=True)
    ]


def shown(number: int, pixels: NDArray[np.uint8]) -> LazyFrame:
    return LazyFrame(f"content-{number}", 0, 0.0, 2.0, lambda: pixels)


@contextmanager
def at_work(
    folder: Path, wanted: Spec, loader: Any = load, notify: Any = print
) -> Iterator[tuple[InferenceRunner, Library]]:
    library = Library(folder)
    residency = Residency(library.footprints, loader=loader)
    leases = ModelLeases(residency, loadings(), library.annotations, load_prompts(), notify)
    runner = InferenceRunner(open_stages(leases, wanted), leases, library.annotations, redo=False)
    try:
        yield runner, library
    finally:
        runner.close()
        residency.close()
        library.close()


def look_at(
    folder: Path, wanted: Spec, order: Sequence[int], batch: int, **how: Any
) -> dict[str, PriorAnswers]:
    """Return by content what was noted, having looked in an order and in microbatches."""
    drawn = pictures(max(order) + 1)
    with at_work(folder, wanted, **how) as (runner, _):
        batches = (
            Microbatch([shown(n, drawn[n]) for n in order[start : start + batch]])
            for start in range(0, len(order), batch)
        )
        return {
            each.content: prior
            for microbatch in runner.run(batches, Control(), lambda _b, _r: None)
            for each, prior in zip(microbatch.shown, microbatch.prior, strict=True)
        }


def same(one: Annotation, other: Annotation) -> None:
    assert same_but_for_masks(one, other)


def same_but_for_masks(one: Annotation, other: Annotation) -> bool:
    """Compare all else, and say whether the masks agree.

    Of several masks the model keeps the one it thinks best. Untrained, it finds some equally good,
    and which is kept then depends on the last bit, on the batch and the processor that is.
    """
    assert one.part == other.part
    left, right = dict(one.body), dict(other.body)
    agree = True
    if "mask" in left:
        a, b = from_runs(left.pop("mask")), from_runs(right.pop("mask"))
        agree = a.shape == b.shape and bool((a != b).mean() < 0.01)
    for key, value in left.items():
        if key in ("tags", "objects"):
            assert len(value) == len(right[key])
            for x, y in zip(value, right[key], strict=True):
                assert x.get("tag", x.get("label")) == y.get("tag", y.get("label"))
                assert x["score"] == pytest.approx(y["score"], abs=2e-3)
        else:
            assert value == right[key]
    if one.vector is not None and other.vector is not None:
        np.testing.assert_allclose(one.vector, other.vector, atol=2e-4)
    return agree


def test_ragged_batches_find_their_own_frame_and_object(tmp_path: Path) -> None:
    wanted = spec("tag", "detect", "segment", "embed")
    order = list(range(9))
    masks: list[bool] = []
    alone = look_at(tmp_path / "alone", wanted, order, 1)
    for seed in range(3):
        random.Random(seed).shuffle(order)
        together = look_at(tmp_path / f"{seed}", wanted, order, 2 + seed)
        assert together.keys() == alone.keys()
        for content, prior in alone.items():
            assert prior.keys() == together[content].keys()
            for stage, notes in prior.items():
                theirs = together[content][stage]
                assert len(notes) == len(theirs), (content, stage)
                for one, other in zip(notes, theirs, strict=True):
                    agree = same_but_for_masks(one, other)
                    masks += [agree] if "mask" in one.body else []
    assert sum(masks) >= 0.9 * len(masks) > 0  # taken from another object, hardly any would agree
    counts = {len(prior["segment"]) for prior in alone.values()}
    assert len(counts) > 1, "the test must have ragged numbers of objects to say anything"


def test_what_was_asked_before_is_not_asked_again(tmp_path: Path) -> None:
    loaded: list[str] = []

    def loader(wanted: Loading) -> Model:
        loaded.append(wanted.name)
        return load(wanted)

    order = list(range(5))
    first = look_at(tmp_path, spec("embed", "tag"), order, 2, loader=loader)
    assert loaded == ["clip"]
    again = look_at(tmp_path, spec("embed", "tag", batch=3), order, 3, loader=loader)
    assert loaded == ["clip"], "nothing was to be asked, so nothing was to be loaded"
    for content, prior in first.items():
        assert [n.id for n in prior["embed"]] == [n.id for n in again[content]["embed"]]


def test_pictures_read_at_another_size_are_another_question(tmp_path: Path) -> None:
    plain = spec("embed", "tag")
    sized = plain.model_copy(update={"models": Models(batch_size=4, image_size=640)})
    assert longest_side(plain) == longest_side(sized), "else this shows nothing"
    ids = [
        look_at(tmp_path, wanted, [0], 1)["content-0"][stage][0].id
        for wanted in (plain, sized, plain)
        for stage in ("embed", "tag")
    ]
    assert len(set(ids)) == 4 and ids[:2] == ids[4:]


class Cramped:
    """A real model on a device too small for more than `most` pictures at once."""

    def __init__(self, model: Any, most: int) -> None:
        self._model = model
        self._most = most
        self.asked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def embed(self, prepared: Any) -> Any:
        import torch

        self.asked.append(sum(len(batch.indices) for batch in prepared))
        if self.asked[-1] > self._most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self._model.embed(prepared)


def test_out_of_memory_halves_the_batch_and_is_remembered(tmp_path: Path) -> None:
    said: list[str] = []
    made: list[Cramped] = []

    def loader(wanted: Loading) -> Any:
        made.append(Cramped(load(wanted), 3))
        return made[-1]

    wanted = spec("embed", batch=8)
    prior = look_at(tmp_path, wanted, list(range(8)), 8, loader=loader, notify=said.append)
    assert all(len(each["embed"]) == 1 and not each["embed"][0].failed for each in prior.values())
    assert made[0].asked == [8, 8, 4, 4, 2, 2, 4, 4, 2, 2]  # each size is tried once more
    assert said[-1] == "embed: out of memory, batch size reduced to 2"
    with at_work(tmp_path, wanted) as (runner, _):
        assert runner._stages[0].batch_size == 2


def test_out_of_memory_with_one_picture_ends_in_words(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory, match="does not fit into the memory of cpu"):
        look_at(tmp_path, spec("embed"), [0, 1], 2, loader=lambda w: Cramped(load(w), 0))


class Picky:
    """A real model whose processor takes no picture as small as `least` pixels."""

    def __init__(self, model: Any, error: type[Exception]) -> None:
        self._model = model
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def prepare(self, wanted: Sequence[NDArray[np.uint8]]) -> Any:
        for index, picture in enumerate(wanted):
            if picture.shape[0] == BAD_HEIGHT:
                if self._error is ImageRejected:
                    raise ImageRejected("too small for this model", index)
                raise self._error("too small for this model")
        return self._model.prepare(wanted)


BAD_HEIGHT = pictures(3)[2].shape[0]


@pytest.mark.parametrize("error", [ImageRejected, ValueError])
def test_one_bad_picture_fails_alone(tmp_path: Path, error: type[Exception]) -> None:
    bad = [n for n, each in enumerate(pictures(7)) if each.shape[0] == BAD_HEIGHT]
    assert bad == [2]
    prior = look_at(
        tmp_path, spec("embed"), list(range(7)), 7, loader=lambda w: Picky(load(w), error)
    )
    failed = {content: n["embed"][0].failed for content, n in prior.items() if n["embed"][0].failed}
    assert failed == {"content-2": "too small for this model"}
    # A failure is no answer: it is asked again, and this time it goes well.
    assert not look_at(tmp_path, spec("embed"), [2], 1)["content-2"]["embed"][0].failed


def test_masks_come_back_from_runs() -> None:
    drawn = np.random.default_rng(1)
    for shape in ((1, 1), (3, 5), (40, 7)):
        for mask in (np.zeros(shape, bool), np.ones(shape, bool), drawn.random(shape) < 0.4):
            encoded = runs(mask)
            assert sum(encoded["counts"]) == mask.size
            np.testing.assert_array_equal(from_runs(encoded), mask)


def test_tags_of_an_embedded_frame_are_those_of_the_frame(tmp_path: Path) -> None:
    order = list(range(4))
    alone = look_at(tmp_path / "tag", spec("tag"), order, 2)
    beside = look_at(tmp_path / "both", spec("embed", "tag"), order, 2)
    for content, prior in alone.items():
        same(replace(prior["tag"][0], id=0), replace(beside[content]["tag"][0], id=0))


def test_a_batch_that_shrinks_midway_leaves_no_question_out(tmp_path: Path) -> None:
    prior = look_at(
        tmp_path, spec("embed", batch=4), list(range(10)), 10, loader=lambda w: Cramped(load(w), 3)
    )
    assert [len(each["embed"]) for each in prior.values()] == [1] * 10
    assert not any(each["embed"][0].failed for each in prior.values())


def test_a_failure_never_takes_the_place_of_an_answer(tmp_path: Path) -> None:
    with at_work(tmp_path, spec("embed")) as (runner, library):
        asked = runner.asked["embed"]
        answer = Annotation("embed", 0, 0.0, "", {}, np.ones(3, np.float32))
        (kept,) = library.annotations.keep(asked, [("content", answer)])
        failure = replace(answer, body={"error": "timed out"}, vector=None)
        (again,) = library.annotations.keep(asked, [("content", failure)])
        assert again.id == kept.id and again.failed == "timed out"
        found = library.annotations.known(asked, [("content", 0, "")])
        assert not found["content", 0, ""].failed
        np.testing.assert_array_equal(found["content", 0, ""].vector, answer.vector)
