"""Details of single families, each against transformers' own plain way of calling the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.models.families.grounding_dino import FULL_STOP, GroundingDino
from core.models.families.owlv2 import Owlv2
from core.models.families.sam import Sam
from core.models.families.sam2 import Sam2
from core.models.protocols import Loading
from core.records import Box
from tests.lazy import lazy
from tests.tiny.shelf import tiny_model

from .looking import picture

t = lazy("transformers")
torch = lazy("torch")


def loading(family: str) -> Loading:
    return Loading(f"tiny/{family}", family, tiny_model(family), "local-1")


@pytest.fixture(scope="module")
def dino() -> GroundingDino:
    return GroundingDino(loading("grounding_dino"))


def test_every_label_keeps_its_own_tokens(dino: GroundingDino) -> None:
    labels = ["a cat", "red car. dog?", "[SEP]", "tree"]
    prepared = dino.prepare([picture(1, 96, 96)], [labels])
    ((asked,), inputs) = prepared.parts[0]
    spans = {label: (first, last) for label, first, last in asked.sentence.spans}
    assert list(spans) == ["a cat", "red car. dog?", "tree"]
    tokens = inputs["input_ids"][0].tolist()
    words = dino._loaded.processor.tokenizer.convert_ids_to_tokens
    assert words(tokens[slice(*spans["a cat"])]) == ["a", "cat"]
    assert words(tokens[slice(*spans["red car. dog?"])]) == ["red", "car", "dog"]
    assert words(tokens[slice(*spans["tree"])]) == ["tree"]
    assert tokens.count(FULL_STOP) == 3


def test_the_sentence_is_the_processors(dino: GroundingDino) -> None:
    labels = ["a cat", "red car", "tree"]
    theirs = dino._loaded.processor(images=[picture(1, 96, 96)], text=[labels], return_tensors="pt")
    ours = dino.prepare([picture(1, 96, 96)], [labels]).parts[0][1]
    assert ours["input_ids"].tolist() == theirs["input_ids"].tolist()


def test_more_labels_than_fit_one_sentence_are_all_asked(dino: GroundingDino) -> None:
    labels = [f"red {a}{b} car" for a in "abcdefghij" for b in "abcdefghij"]
    prepared = dino.prepare([picture(1, 96, 96)], [labels])
    asked = [one for members, _ in prepared.parts for one in members]
    assert [label for one in asked for label, _, _ in one.sentence.spans] == labels
    assert max(len(one.sentence.tokens) for one in asked) <= 256
    assert len(asked) > 1
    boxes = dino.finish(dino.detect(prepared), 0.0)[0]
    assert len(boxes) > 20


def test_owlv2_sees_as_its_plain_forward() -> None:
    model = Owlv2(loading("owlv2"))
    labels = ["a cat", "red car", "tree"]
    one = picture(2, 48, 64)
    inputs = model._loaded.processor(
        images=[one], text=[labels], return_tensors="pt", padding="max_length", max_length=16
    )
    with torch.inference_mode():
        said = model._loaded.model(**inputs)
    ((logits, places),), prepared = model.detect(model.prepare([one], [labels]))
    assert float((logits - said.logits[0]).abs().max()) < 1e-3
    assert float((places - said.pred_boxes[0]).abs().max()) < 1e-5
    theirs = model._loaded.processor.post_process_grounded_object_detection(
        said, threshold=0.0, target_sizes=[(48, 64)], text_labels=[labels]
    )[0]
    ours = model.finish(([(logits, places)], prepared), 0.0)[0]
    clipped = theirs["boxes"].clamp(torch.zeros(4), torch.tensor([64.0, 48.0, 64.0, 48.0])).tolist()
    for box in ours:
        corners = [box.x, box.y, box.x + box.width, box.y + box.height]
        assert any(corners == pytest.approx(one, abs=1e-2) for one in clipped)


def test_owlv2_boxes_are_of_the_padded_square() -> None:
    """A picture whose lower half is black is the same to it as the upper half alone."""
    model = Owlv2(loading("owlv2"))
    tall = picture(3, 64, 64)
    tall[32:] = 0
    wide = np.ascontiguousarray(tall[:32])
    whole, upper = (
        model.finish(model.detect(model.prepare([one], [["a cat"]])), 0.0)[0]
        for one in (tall, wide)
    )
    assert upper
    places = {(round(box.x, 1), round(box.y, 1), round(box.width, 1)) for box in whole}
    assert {(round(box.x, 1), round(box.y, 1), round(box.width, 1)) for box in upper} <= places


@pytest.mark.parametrize("family, made", [("sam", Sam), ("sam2", Sam2), ("edgetam", Sam2)])
def test_masks_are_the_processors(family: str, made: Any) -> None:
    model = made(loading(family))
    one = picture(4, 90, 160)
    corners = [[5.0, 6.0, 60.0, 70.0], [0.0, 0.0, 159.0, 89.0]]
    boxes = [Box("", 1, x, y, r - x, b - y) for x, y, r, b in corners]
    processor = model._loaded.processor
    inputs = processor(images=[one], input_boxes=[corners], return_tensors="pt")
    sizes = [inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes", None)]
    with torch.inference_mode():
        said = model._loaded.model(**inputs, multimask_output=False)
    known = [size for size in sizes if size is not None]
    owner = processor.image_processor
    theirs = owner.post_process_masks(said.pred_masks, *known)[0][:, 0].numpy()
    ours = np.stack(model.finish(model.segment(model.prepare([one], [boxes])))[0])
    assert ours.shape == theirs.shape == (2, 90, 160)
    assert float((ours == theirs).mean()) > 0.999


def test_many_boxes_in_one_picture_are_as_each_alone() -> None:
    model = Sam2(loading("sam2"))
    one = picture(5, 64, 64)
    boxes = [Box("", 1, n % 30, n // 3, 20, 25) for n in range(70)]
    together = model.finish(model.segment(model.prepare([one], [boxes])))[0]
    alone = model.finish(model.segment(model.prepare([one], [boxes[69:]])))[0]
    assert len(together) == 70
    assert float((together[69] == alone[0]).mean()) > 0.999
