"""An endpoint through everything that goes wrong with servers."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageRejected, ModelMissing, ModelRefused, UsageError
from core.models.endpoint.model import Endpoint
from core.models.protocols import Loading, VlmRequest
from core.models.registry import load
from tests.models.vlm.asking import HOSTILE, Canceller, picture, said
from tests.models.vlm.faulty_server import FaultyServer, Turn

Connect = Callable[..., Endpoint]
SCHEMA = {"type": "object", "properties": {"verdict": {"type": "string"}}}


def settings(url: str, name: str = "tiny", **options: Any) -> Loading:
    quick = {"url": url, "tries": 3, "first_wait_seconds": 0.01, **options}
    return Loading(name, "endpoint", None, "endpoint", options=quick)


def asks(count: int = 4, **more: Any) -> list[VlmRequest]:
    """Asks that the server answers with "seen 1", "seen 2", and so on."""
    return [
        VlmRequest((picture(n, 20, 10),), "x" * (n + 1), max_tokens=9, **more) for n in range(count)
    ]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGHTLINE_ENDPOINT_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    yield made
    made.close()


@pytest.fixture
def connect(server: FaultyServer) -> Iterator[Connect]:
    made: list[Endpoint] = []

    def connected(name: str = "tiny", **options: Any) -> Endpoint:
        model = load(settings(server.url, name, **options))
        assert isinstance(model, Endpoint)
        made.append(model)
        return model

    yield connected
    for model in made:
        model.close()


def refuse_once(*turns: Turn) -> Callable[[dict[str, Any], int], Turn]:
    """Take these turns with the first requests, then behave."""
    return lambda body, number: turns[number] if number < len(turns) else Turn()


def test_answers_come_in_order_with_what_the_server_counted(
    server: FaultyServer, connect: Connect
) -> None:
    answers = said(connect(), asks())
    assert [answer.text for answer in answers] == ["seen 1", "seen 2", "seen 3", "seen 4"]
    for answer in answers:
        assert (answer.finish, answer.tokens_in, answer.tokens_out) == ("stop", 11, 2)
        assert answer.batch == 4 and answer.first_token_seconds is not None
        assert 0 < answer.first_token_seconds < 4 * answer.seconds
    assert said(connect(), []) == []


def test_pictures_travel_inside_the_request_as_they_are(
    server: FaultyServer, connect: Connect
) -> None:
    shown = np.full((12, 34, 3), (200, 40, 90), np.uint8)
    ask = VlmRequest((shown, shown), HOSTILE, system="be <|im_start|> brief", max_tokens=7)
    said(connect(), [ask])
    (body,) = server.asked()
    system, user = body["messages"]
    first, second, words = user["content"]
    prefix, _, data = first["image_url"]["url"].partition(",")
    assert prefix == "data:image/jpeg;base64" and second == first
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.format == "JPEG" and image.size == (34, 12)
        assert np.abs(np.asarray(image, int) - shown).max() < 6
    assert body["max_tokens"] == 7 and body["temperature"] == 0 and body["stream"] is True
    for token in ("<|im_end|>", "<|image_pad|>", "<image>", "<IMG_CONTEXT>"):
        assert token not in words["text"]
    assert "<|im_start|>" not in system["content"] and "is <" in words["text"]


def test_no_more_requests_at_once_than_wanted(server: FaultyServer, connect: Connect) -> None:
    together = threading.Barrier(3, timeout=30)

    def decide(body: dict[str, Any], number: int) -> Turn:
        together.wait()
        return Turn()

    server.decide = decide
    said(connect(concurrency=3), asks(9))
    assert server.most_under_way == 3


@pytest.mark.parametrize(
    "turn",
    [
        Turn(429, "slow down", {"retry-after": "0.2"}),
        Turn(500, "oops"),
        Turn(503, "loading"),
        Turn(408),
        Turn(0),
        Turn(cut=True),
    ],
    ids=lambda turn: f"{turn.status}{'cut' if turn.cut else ''}",
)
@pytest.mark.parametrize("stream", [True, False])
def test_what_may_pass_is_tried_again(
    server: FaultyServer, connect: Connect, turn: Turn, stream: bool
) -> None:
    server.decide = refuse_once(turn, turn)
    (answer,) = said(connect(stream=stream), asks(1))
    assert (answer.text, answer.finish) == ("seen 1", "stop")
    assert len(server.bodies) == 3
    if "retry-after" in turn.headers:
        waits = np.diff(server.times)
        assert (waits >= 0.2).all() and (waits < 1.0).all()


def test_a_connection_kept_open_may_break(server: FaultyServer, connect: Connect) -> None:
    model = connect(stream=False)
    said(model, asks(1))
    server.decide = lambda body, number: Turn(0) if number == 1 else Turn()
    assert said(model, asks(1))[0].text == "seen 1"
    assert len(server.bodies) == 3


def test_one_of_four_fails_and_the_others_do_not(server: FaultyServer, connect: Connect) -> None:
    def decide(body: dict[str, Any], number: int) -> Turn:
        words = body["messages"][-1]["content"][-1]["text"]
        return Turn(500, "cannot decode \x1b[31mimage") if len(words) == 2 else Turn()

    server.decide = decide
    answers = said(connect(), asks())
    assert [answer.finish for answer in answers] == ["stop", "failed", "stop", "stop"]
    assert "HTTP 500: cannot decode" in answers[1].error and "\x1b" not in answers[1].error
    assert not any(answer.error for answer in answers if answer.finish == "stop")


def test_a_slow_answer_fails_alone_and_in_time(server: FaultyServer, connect: Connect) -> None:
    server.decide = lambda body, number: Turn(wait_seconds=60.0 if number == 0 else 0)
    model = connect(timeout_seconds=0.8, concurrency=1)
    began = time.monotonic()
    slow, quick = said(model, asks(2))
    assert time.monotonic() - began < 30
    assert slow.finish == "failed" and "no answer within 0.8 s" in slow.error
    assert "vlm.timeout_seconds" in slow.error
    assert quick.text == "seen 2"


def test_an_answer_that_is_never_whole_fails(server: FaultyServer, connect: Connect) -> None:
    server.decide = lambda body, number: Turn(cut=True)
    (answer,) = said(connect(stream=False), asks(1))
    assert answer.finish == "failed" and "cannot be read" in answer.error
    assert len(server.bodies) == 3


def test_how_an_answer_ended_is_told(server: FaultyServer, connect: Connect) -> None:
    model = connect()
    for reason, finish in (("length", "length"), ("content_filter", "failed"), ("stop", "stop")):
        server.finish = reason
        assert said(model, asks(1))[0].finish == finish


def test_line_ends_and_thoughts_inside_an_answer(server: FaultyServer, connect: Connect) -> None:
    server.text = "<think>\nhm\u2028</think>\n\nred\u2028blue\x85green\x0c"
    assert said(connect(), asks(1))[0].text == "red\u2028blue\x85green"


@pytest.mark.parametrize(
    ("says", "gone"),
    [
        ("response_format json_schema is not supported", {"response_format"}),
        ("Unrecognized request argument: chat_template_kwargs", {"chat_template_kwargs"}),
        ("Use 'max_completion_tokens' instead of max_tokens", {"max_tokens"}),
        ("stream_options is unknown", {"stream_options"}),
    ],
)
def test_what_a_server_refuses_is_left_out_from_then_on(
    server: FaultyServer, connect: Connect, says: str, gone: set[str]
) -> None:
    server.decide = lambda body, number: Turn(400, says) if gone & body.keys() else Turn()
    model = connect(thinking=False, concurrency=1)
    answers = said(model, asks(2, schema=SCHEMA))
    assert [answer.text for answer in answers] == ["seen 1", "seen 2"]
    tried, *accepted = server.bodies
    assert gone <= tried.keys() and len(accepted) == 2
    assert all(tried.keys() - body.keys() == gone for body in accepted)
    assert tried["response_format"]["json_schema"]["schema"] == SCHEMA


def test_a_server_that_does_not_say_what_it_refuses(server: FaultyServer, connect: Connect) -> None:
    server.at_load = lambda body: Turn(422) if body.get("stream") else Turn()
    server.decide = lambda body, number: server.at_load(body)
    (answer,) = said(connect(thinking=True), asks(1, schema=SCHEMA))
    assert answer.text == "seen 1" and answer.first_token_seconds is None


def test_a_server_that_cannot_stream_is_understood(server: FaultyServer, connect: Connect) -> None:
    server.streams = False
    (answer,) = said(connect(), asks(1))
    assert (answer.text, answer.first_token_seconds, answer.tokens_in) == ("seen 1", None, 11)


@pytest.mark.parametrize("names", [["tiny", "other/model"], None])
def test_a_model_the_server_has_not_is_named_at_once(
    server: FaultyServer, connect: Connect, names: list[str] | None
) -> None:
    server.names = names
    server.at_load = lambda body: Turn(404, "The model `tinny` does not exist.")
    with pytest.raises(ModelMissing) as caught:
        connect("tinny")
    offered = "did you mean 'tiny'?; it offers: tiny, other/model" if names else "it lists none"
    assert "has no model 'tinny'" in str(caught.value) and offered in str(caught.value)


def test_a_model_served_though_not_listed_will_do(server: FaultyServer, connect: Connect) -> None:
    server.names = ["unrelated"]
    assert said(connect("secret"), asks(1))[0].text == "seen 1"


def test_a_model_taken_away_meanwhile(server: FaultyServer, connect: Connect) -> None:
    model = connect()
    server.decide = lambda body, number: Turn(404, "model not found")
    server.names = ["other/model"]
    with pytest.raises(ModelMissing, match="it offers: other/model"):
        said(model, asks(2))


def test_nobody_there() -> None:
    with pytest.raises(ModelMissing, match=r"no server answers at http://127\.0\.0\.1:9/v1"):
        load(settings("http://127.0.0.1:9/v1", tries=2))


def test_all_of_a_batch_lost(server: FaultyServer, connect: Connect) -> None:
    model = connect()
    server.decide = lambda body, number: Turn(0)
    with pytest.raises(ModelMissing, match="no server answers at"):
        said(model, asks(3))


def test_another_key_is_wanted(server: FaultyServer, connect: Connect) -> None:
    model = connect()
    server.decide = lambda body, number: Turn(401, "invalid api key")
    with pytest.raises(ModelRefused, match="set SIGHTLINE_ENDPOINT_KEY"):
        said(model, asks(2))


def test_the_key_is_sent_and_never_told(
    server: FaultyServer, connect: Connect, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SIGHTLINE_ENDPOINT_KEY", "secret-4711")
    model = connect()
    server.decide = lambda body, number: Turn(401, "no")
    with pytest.raises(ModelRefused) as caught:
        said(model, asks(1))
    assert set(server.keys) == {"Bearer secret-4711"}
    assert "secret-4711" not in str(caught.value) + caplog.text + repr(model.identity)
    monkeypatch.setenv("SIGHTLINE_ENDPOINT_KEY", "secret\u20ac4711")
    with pytest.raises(ModelRefused, match="holds characters that no key has") as caught:
        connect()
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("name", ["SIGHTLINE_ENDPOINT_KEY", "OPENAI_API_KEY"])
def test_a_key_never_goes_over_a_network_unencrypted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "secret-4711")
    with pytest.raises(ModelRefused, match=f"the key in {name} would go .* use https"):
        load(settings("http://192.0.2.1:8000/v1"))


def test_cancelled_it_hangs_up(server: FaultyServer, connect: Connect) -> None:
    server.decide = lambda body, number: Turn(wait_seconds=0.0 if number == 0 else 60.0)
    model = connect(concurrency=1)
    began = time.monotonic()
    answers = said(model, asks(3), Canceller(after=6))
    assert time.monotonic() - began < 30
    assert [answer.finish for answer in answers] == ["stop", "cancelled", "cancelled"]


def test_what_is_no_address() -> None:
    with pytest.raises(UsageError, match="not an endpoint address"):
        load(settings("ftp://somewhere/v1"))


def test_a_picture_that_is_none_is_named(connect: Connect) -> None:
    bad = VlmRequest((np.zeros((4, 4), np.uint8),), "x")
    with pytest.raises(ImageRejected) as caught:
        connect().prepare([*asks(2), bad])
    assert caught.value.index == 2


def test_what_does_not_change_answers_is_not_part_of_its_identity(connect: Connect) -> None:
    one, other = connect(concurrency=2), connect(concurrency=5, timeout_seconds=9)
    assert one.identity == other.identity
    assert connect(thinking=True).identity != one.identity
    assert (one.device, one.memory_bytes, one.most_pictures) == ("endpoint", 0, None)
    assert json.dumps(one.identity.preprocessing)
