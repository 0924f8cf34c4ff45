"""What holds for every VLM family that runs here, whichever it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import ImageRejected, ModelMissing, ModelRefused
from core.models.protocols import VlmRequest
from core.models.registry import KINDS, family_of, load
from tests.models.vlm.asking import (
    CHAT,
    HOSTILE,
    Canceller,
    copied,
    four,
    loading,
    picture,
    said,
    singles,
)
from tests.tiny.shelf import tiny_model

FAMILIES = (*CHAT, "florence2")


def kin(name: str) -> str:
    return "florence2" if name == "florence2" else "chat"


def asks_for(name: str) -> list[VlmRequest]:
    return singles() if name == "florence2" else four()


@pytest.fixture(scope="module", params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(name: str) -> Iterator[Any]:
    made = load(loading(kin(name), tiny_model(name)))
    yield made
    made.close()
    assert made.memory_bytes == 0


def test_a_batch_answers_as_one_at_a_time(model: Any, name: str) -> None:
    asks = asks_for(name)
    together = said(model, asks)
    alone = [said(model, [ask])[0] for ask in asks]
    for batched, single, ask in zip(together, alone, asks, strict=True):
        assert batched.text == single.text
        assert batched.tokens_in == single.tokens_in
        assert batched.tokens_out == single.tokens_out == ask.max_tokens
        assert batched.finish == single.finish == "length"
        assert (batched.batch, single.batch) == (4, 1)
    turned = said(model, asks[::-1])
    assert [answer.text for answer in turned] == [answer.text for answer in together][::-1]


def test_answers_tell_what_was_measured(model: Any, name: str) -> None:
    began = time.perf_counter()
    answers = said(model, asks_for(name))
    took = time.perf_counter() - began
    assert sum(answer.seconds for answer in answers) <= took
    for answer in answers:
        assert answer.first_token_seconds is not None
        assert 0 < answer.first_token_seconds <= 4 * answer.seconds + 1e-6
        assert answer.tokens_in and not answer.error


def test_pictures_matter(model: Any, name: str) -> None:
    asks = [VlmRequest((picture(seed, 96, 96),), "<CAPTION>", max_tokens=12) for seed in range(6)]
    assert len({answer.text for answer in said(model, asks)}) > 1


def test_no_asks_no_answers(model: Any) -> None:
    assert said(model, []) == []


def test_special_tokens_in_a_users_words_are_harmless(model: Any, name: str) -> None:
    hostile = VlmRequest((picture(0, 96, 96),), HOSTILE, system=HOSTILE, max_tokens=4)
    if name == "florence2":
        hostile = replace(hostile, prompt=f"<OPEN_VOCABULARY_DETECTION>{HOSTILE}")
    (innocent,) = said(model, asks_for(name)[:1])
    both = said(model, [hostile, asks_for(name)[0]])
    assert both[0].finish == "length"
    assert both[1].text == innocent.text


def test_cancelled_from_another_thread_it_stops_within_a_token(model: Any, name: str) -> None:
    cancelled = Canceller(after=4)
    ask = replace(asks_for(name)[0], max_tokens=200)
    (answer,) = said(model, [ask], cancelled)
    assert answer.finish == "cancelled"
    assert cancelled.answers.count(True) == 1
    assert answer.tokens_out == len(cancelled.answers) - 1 < 200


def test_cancelled_before_it_began_nothing_is_computed(model: Any, name: str) -> None:
    answers = said(model, asks_for(name), lambda: True)
    assert [(a.text, a.finish, a.tokens_out) for a in answers] == [("", "cancelled", 0)] * 4


def test_a_picture_that_cannot_be_processed_is_named(model: Any, name: str) -> None:
    asks = asks_for(name)
    asks[2] = replace(asks[2], pictures=(picture(0, 8, 8)[:0],))
    with pytest.raises(ImageRejected, match="0x8x3") as caught:
        model.prepare(asks)
    assert caught.value.index == 2


def test_it_is_what_its_checkpoint_says(model: Any, name: str) -> None:
    import json

    config = json.loads((tiny_model(name) / "config.json").read_text())
    assert family_of(config) == model.identity.family == kin(name)
    assert model.kind == KINDS[kin(name)] == "vlm"
    assert model.identity.dtype == "float32" and model.identity.attn in ("sdpa", "eager")
    assert model.device == "cpu" and model.memory_bytes > 100_000


@pytest.mark.parametrize("name", ["qwen3_vl", "florence2"])
def test_missing_weights_are_refused(name: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = copied(name, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights.pop(sorted(weights)[3])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelRefused, match=f"tiny/{name} lacks weights"):
        load(loading(kin(name), folder))


def test_what_is_not_here_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="absent is not there; name the folder"):
        load(loading("chat", tmp_path / "absent"))
