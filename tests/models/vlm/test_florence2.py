"""Florence-2: which task a prompt means, and what becomes of its answers."""

from __future__ import annotations

import json

import pytest

from core.config.prompts import load_prompts
from core.errors import ImageRejected, UsageError
from core.models.answer_text import Marks
from core.models.families.florence2 import Florence2, Task, task_of
from core.models.protocols import VlmRequest
from tests.models.vlm.asking import loading, picture, said
from tests.tiny.shelf import tiny_model

TASKS = ("<CAPTION>", "<OD>", "<OPEN_VOCABULARY_DETECTION>", "<REGION_TO_CATEGORY>")


@pytest.fixture(scope="module")
def model() -> Florence2:
    return Florence2(loading("florence2", tiny_model("florence2")))


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("<CAPTION>", Task("<CAPTION>")),
        (" <OD> and more", Task("<OD>")),
        ("<OPEN_VOCABULARY_DETECTION> a red car", Task("<OPEN_VOCABULARY_DETECTION>", "a red car")),
        ("<REGION_TO_CATEGORY> it: <loc_1>", Task("<REGION_TO_CATEGORY>", "<loc_1>")),
        ("<NO_TASK>", Task("<MORE_DETAILED_CAPTION>")),
        ("", Task("<MORE_DETAILED_CAPTION>")),
        ("Describe <OD> this", Task("<MORE_DETAILED_CAPTION>")),
    ],
)
def test_task_tokens(prompt: str, task: Task) -> None:
    assert task_of(prompt, TASKS, Marks(())) == task


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("detailed_description", "<MORE_DETAILED_CAPTION>"),
        ("keywords_only", "<OD>"),
        ("object_detection", "<OD>"),
        ("social_media_caption", "<CAPTION>"),
        ("accessibility_alt_text", "<CAPTION>"),
        ("describe_object", "<CAPTION>"),
        ("technical_analysis", "<MORE_DETAILED_CAPTION>"),
        ("seo_metadata", "<MORE_DETAILED_CAPTION>"),
    ],
)
def test_the_prompts_that_ship(name: str, token: str) -> None:
    assert task_of(load_prompts().get(name).text, TASKS, Marks(())).token == token


def test_places_come_as_json_labels_as_words(model: Florence2) -> None:
    shown = (picture(0, 80, 60),)
    prompts = ("<OD>", "list keywords", "<CAPTION>")
    places, labels, words = said(model, [VlmRequest(shown, each, max_tokens=8) for each in prompts])
    assert set(json.loads(places.text)) == {"bboxes", "labels"}
    assert "{" not in labels.text and words.text


def test_one_picture_at_a_time(model: Florence2) -> None:
    assert model.most_pictures == 1
    with pytest.raises(UsageError, match="one picture at a time"):
        model.prepare([VlmRequest((picture(0, 9, 9), picture(1, 9, 9)), "<CAPTION>")])
    with pytest.raises(ImageRejected, match="none was shown") as caught:
        model.prepare([VlmRequest((picture(0, 9, 9),), "a"), VlmRequest((), "a")])
    assert caught.value.index == 1
