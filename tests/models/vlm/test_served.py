"""The endpoint family against a real server, and against the same model loaded here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.errors import ModelMissing
from core.models.endpoint.model import Endpoint
from core.models.families.chat import ChatModel
from core.models.protocols import Loading, VlmRequest
from tests.models.vlm.asking import HOSTILE, four, loading, picture, said
from tests.models.vlm.conftest import Served
from tests.tiny.shelf import tiny_model


@pytest.fixture(scope="module")
def model(served: Served) -> Iterator[Endpoint]:
    made = connected(served)
    yield made
    made.close()


def connected(served: Served, name: str = "", **options: Any) -> Endpoint:
    wanted = {"url": served.url, "timeout_seconds": 60, "tries": 2, **options}
    return Endpoint(Loading(name or served.name, "endpoint", None, "endpoint", options=wanted))


def flat(value: int) -> Any:
    """A picture that JPEG does not change."""
    return np.full((64, 96, 3), value, np.uint8)


def test_it_answers_as_the_same_model_loaded_here(served: Served) -> None:
    model = connected(served, stream=False)
    here = ChatModel(loading("chat", tiny_model("qwen3_vl")))
    asks = [
        VlmRequest((flat(20),), "describe", max_tokens=8),
        VlmRequest((), "what is in the picture?", max_tokens=5),
        VlmRequest((flat(250), flat(90), flat(20)), "a", max_tokens=6),
        VlmRequest((flat(160),), "is it a cat", system="be brief", max_tokens=7),
    ]
    answers, expected = said(model, asks), said(here, asks)
    model.close()
    for answer, other in zip(answers, expected, strict=True):
        assert (answer.text, answer.finish) == (other.text, "length")
        assert (answer.tokens_in, answer.tokens_out) == (other.tokens_in, other.tokens_out)
        assert not answer.error


def test_streamed_or_not_it_says_the_same(model: Endpoint, served: Served) -> None:
    whole = connected(served, stream=False)
    answers, streamed = said(whole, four()[:2]), said(model, four()[:2])
    whole.close()
    for one, other in zip(answers, streamed, strict=True):
        # A stream keeps back half a character at the end.
        assert one.text.rstrip("\ufffd") == other.text.rstrip("\ufffd")
        assert one.tokens_in == other.tokens_in and one.tokens_out == other.tokens_out
        assert one.first_token_seconds is None
        assert other.first_token_seconds is not None


def test_special_tokens_and_a_schema_do_no_harm(model: Endpoint) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    hostile = VlmRequest((picture(0, 96, 96),), HOSTILE, max_tokens=3, schema=schema)
    (answer,) = said(model, [hostile])
    assert (answer.finish, answer.error, answer.tokens_out) == ("length", "", 3)


def test_a_picture_the_server_cannot_take_fails_alone(model: Endpoint) -> None:
    asks = four()
    asks[1] = replace(asks[1], pictures=(picture(0, 800, 2),))
    answers = said(model, asks)
    assert [a.finish for a in answers] == ["length", "failed", "length", "length"]
    assert "HTTP 500" in answers[1].error


def test_another_model_is_refused(served: Served) -> None:
    with pytest.raises(ModelMissing, match="has no model 'other/model'"):
        connected(served, "other/model")
