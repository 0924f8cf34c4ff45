"""Answers and errors of servers as they really are: the table of cases, each with its outcome.

Public reports behind the cases, besides those that the rows name: vllm#31045 and #17144 (a closing
tag only), vllm#52640 (`content: null` with finish reason `length`), vllm#48645 and MiniCPM-V#1016
(the answer in the reasoning field), vllm#39279 (no chat template), vllm#13513 (images per
question), vllm#19144 (no multimodal model), llama.cpp#13566 and #23331 (no mmproj),
joycaption#48 (an image that llama.cpp cannot decode), ollama#4357 (empty finish reasons),
ollama#9137 (tags in the content), ollama#17301 (no image input), LM Studio's bug tracker #618
(errors with status 200) and #2003 (a limit in pixels), lms#107 (no model loaded),
vllm-mlx#101 and #628, sglang#3912, litellm#8953, Rapid-MLX#2473, ragflow#13063, ramalama#2343.
"""

from __future__ import annotations

import base64
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import ModelMissing, ModelRefused
from core.models.caller import Caller, on_behalf_of
from core.models.endpoint.model import Endpoint
from core.models.protocols import Completion, Loading, VlmRequest
from tests.models.vlm.asking import picture, said
from tests.models.vlm.faulty_server import Decide, FaultyServer, Turn
from tests.models.vlm.server_cases import CONTEXT, KEPT, LOST, STOPS, answer, error, flat
from tests.models.vlm.server_cases import said as body_of

QUICK = {"tries": 2, "first_wait_seconds": 0.01, "timeout_seconds": 1.5, "wait_seconds": 1.0}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    yield made
    made.close()


def connected(server: FaultyServer, **options: Any) -> Endpoint:
    given = {"url": server.url, **QUICK, **options}
    return Endpoint(Loading("tiny", "endpoint", None, "endpoint", options=given))


def question(**more: Any) -> VlmRequest:
    return VlmRequest((picture(0, 60, 40),), "describe", max_tokens=9, **more)


def always(turn: Turn) -> tuple[Decide, Callable[[dict[str, Any]], Turn]]:
    return (lambda body, number: turn), (lambda body: turn)


def refusing_two_letters(text: str) -> Decide:
    def decide(body: dict[str, Any], number: int) -> Turn:
        words = body["messages"][-1]["content"][-1]["text"]
        return error(400, text) if len(words) == 2 else Turn()

    return decide


def asked_once(server: FaultyServer, model: Endpoint, turn: Turn) -> Completion:
    server.bodies.clear()
    server.decide = lambda body, number: turn
    (found,) = said(model, [question()])
    return found


def test_answers_that_are_kept(server: FaultyServer) -> None:
    model = connected(server)
    for case in KEPT:
        began = time.monotonic()
        found = asked_once(server, model, case.turn)
        assert (found.text, found.finish, found.error) == (case.text, case.finish, ""), case.name
        facts = found.removed, found.thought_letters
        assert facts == (case.removed, case.thought_letters), case.name
        assert len(server.bodies) == 1, case.name
        assert time.monotonic() - began < 10, f"{case.name}: waited for a connection left open"
    model.close()


def test_answers_that_are_none_fail_alone(server: FaultyServer) -> None:
    model = connected(server)
    for case in LOST:
        found = asked_once(server, model, case.turn)
        assert (found.text, found.finish) == ("", "failed"), case.name
        assert re.search(case.why, found.error), f"{case.name}: {found.error}"
        assert found.error.isprintable() and len(found.error) <= 400, case.name
        assert len(server.bodies) == case.requests, f"{case.name}: {len(server.bodies)}"
    model.close()


def test_what_would_fail_every_question_stops_at_once(server: FaultyServer) -> None:
    model = connected(server, concurrency=1)
    for case in STOPS:
        server.bodies.clear()
        server.probes.clear()
        server.decide, server.at_load = always(case.turn)
        for ask in (lambda: said(model, [question()]), lambda: connected(server)):
            with pytest.raises((ModelMissing, ModelRefused)) as caught:
                ask()
            line = str(caught.value)
            assert re.search(case.why, line), f"{case.name}: {line}"
            assert line.isprintable() and len(line) < 700, case.name
        waits = case.turn.status == 503
        assert waits or len(server.bodies) == len(server.probes) == 1, f"{case.name}: repeated"
    model.close()


def test_a_body_of_a_hundred_mebibytes_is_not_read(server: FaultyServer) -> None:
    model = connected(server, timeout_seconds=30)
    found = asked_once(server, model, answer(b'{"choices": "' + b"x" * (100 << 20) + b'"}'))
    assert "longer than 16 MiB" in found.error and len(server.bodies) == 1
    model.close()


def test_a_server_that_loads_its_model_is_waited_for(server: FaultyServer) -> None:
    """ramalama#2343: llama.cpp answers 503 until its model is loaded."""
    loading = error(503, "Loading model", "unavailable_error")
    server.at_load = lambda body: loading if len(server.probes) < 6 else Turn()
    heard: list[str] = []
    with on_behalf_of(Caller(heard.append)):
        model = connected(server, wait_seconds=60)
    assert len(server.probes) == 6, "more often than it tries after faults"
    assert heard == [f"{server.url} is loading its model; waiting up to 60 s (vlm.wait_seconds)"]
    # Later too: Ollama and llama-swap evict models; a proxy passes it on inside an answer.
    inside = answer(json.dumps({"error": {"message": "Loading model", "code": 503}}).encode())
    server.decide = lambda body, number: (loading, inside, Turn())[min(number, 2)]
    assert said(model, [question()])[0].text == "seen 8"
    model.close()


def test_a_cancelled_load_does_not_wait(server: FaultyServer) -> None:
    server.at_load = lambda body: error(503, "Loading model", "unavailable_error")
    with on_behalf_of(Caller(cancelled=lambda: bool(server.probes))):
        connected(server, wait_seconds=600, first_wait_seconds=60.0).close()


def test_a_silent_server_costs_one_timeout(server: FaultyServer) -> None:
    server.at_load = lambda body: Turn(wait_seconds=60)
    began = time.monotonic()
    with pytest.raises(ModelMissing, match=r"no answer from .* within 0"):
        connected(server, timeout_seconds=0.5, tries=5)
    assert time.monotonic() - began < 10 and len(server.probes) == 1
    assert not server.listed, "the list of models is only read to name those there are"


def test_one_refused_picture_costs_the_others_nothing(server: FaultyServer) -> None:
    """A 400 about one picture: asked once, no field is left out afterwards, all others answer."""
    refusals = ("Failed to load image or audio file", "cannot stream this image", "", "bad schema?")
    for refusal in refusals:
        server.bodies.clear()
        server.decide = refusing_two_letters(refusal)
        model = connected(server, thinking=False)
        asks = [VlmRequest((picture(n, 9, 9),), "x" * n, max_tokens=9) for n in (1, 2, 3)]
        answers = said(model, asks)
        assert [each.finish for each in answers] == ["stop", "failed", "stop"], refusal
        assert len(server.bodies) == 3, refusal
        assert model.left_out == frozenset()
        assert {"stream", "chat_template_kwargs"} <= server.bodies[-1].keys()
        model.close()


def sizes(body: dict[str, Any]) -> list[tuple[int, int]]:
    parts = [part for part in body["messages"][-1]["content"] if part["type"] == "image_url"]
    read = (base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in parts)
    return [Image.open(io.BytesIO(each)).size for each in read]


def refuse_above(
    pixels: int, text: str, status: int = 400
) -> Callable[[dict[str, Any], int], Turn]:
    def decide(body: dict[str, Any], number: int) -> Turn:
        width, height = sizes(body)[0]
        return error(status, text) if width * height > pixels else Turn()

    return decide


LIMITS = (
    # LM Studio (bug tracker #2003), ragflow#13063, Anthropic, OpenAI, vLLM, llama.cpp, Rapid-MLX
    (30_000, "Image exceeds the maximum of 30000 total pixels", 400),
    (30_000, "Current dimensions: 400x300 = 120000 pixels. Maximum allowed: 30,000 pixels.", 400),
    (200 * 200, "image dimensions exceed max allowed size: 200 pixels", 400),
    (256 * 256, "the image is too large, at most 256x256 are accepted", 400),
    (30_000, "image exceeds 5 MB maximum: 595200 bytes > 148800 bytes", 400),
    (30_000, "The decoder prompt (length 16000) is longer than the maximum model length of 4000. "
     "For image inputs, the number of image tokens depends on the number of images", 400),
    (30_000, "request (16000 tokens) exceeds the available context size (4000 tokens)", 400),
    (30_000, "Vision-request prompt tokens (16329) exceeds the per-batch cap (4082 = vision token "
     "budget 4082 x 1 vision request(s)). For image inputs, downscale the image", 400),
    (30_000, "Request Entity Too Large", 413),
)  # fmt: skip


def test_pictures_are_reduced_to_what_a_server_accepts(server: FaultyServer) -> None:
    shown = np.full((300, 400, 3), 90, np.uint8)
    ask = VlmRequest((shown,), "describe", max_tokens=9)
    for pixels, text, status in LIMITS:
        heard: list[str] = []
        with on_behalf_of(Caller(heard.append)):
            model = connected(server)
            server.bodies.clear()
            server.decide = refuse_above(pixels, text, status)
            first, second = said(model, [ask])[0], said(model, [ask])[0]
        assert first.finish == second.finish == "stop", text
        used = [sizes(body)[0] for body in server.bodies]
        assert used[0] == (400, 300) and used[-1] == used[-2], f"{text}: learnt from the first"
        width, height = used[-1]
        assert pixels * 0.4 < width * height <= pixels, f"{text}: {used}"
        assert abs(width / height - 4 / 3) < 0.05 and len(used) <= 4
        assert first.reduced == second.reduced == f"{width}x{height}", text
        assert len(heard) == 1 and "reduced to" in heard[0]
        model.close()


def test_a_picture_that_no_size_helps_fails_once(server: FaultyServer) -> None:
    model = connected(server)
    found = asked_once(server, model, CONTEXT)
    assert "exceeds the available context size" in found.error and len(server.bodies) <= 5
    model.close()


def test_a_template_without_a_system_role_gets_it_before_the_question(server: FaultyServer) -> None:
    """Gemma's templates raise it, through vLLM and llama.cpp alike."""
    server.decide = lambda body, number: (
        flat(400, "System role not supported") if len(body["messages"]) > 1 else Turn()
    )
    model = connected(server)
    for _ in range(2):
        assert said(model, [question(system="be brief")])[0].finish == "stop"
    *_, words = server.bodies[-1]["messages"][0]["content"]
    assert words["text"] == "be brief\n\ndescribe" and len(server.bodies) == 3
    model.close()


def test_a_schema_refused_by_a_grammar_is_left_out(server: FaultyServer) -> None:
    server.decide = lambda body, number: (
        error(500, "Failed to parse grammar from json_schema") if "response_format" in body
        else answer(body_of("{}"))
    )  # fmt: skip
    model = connected(server)
    assert said(model, [question(schema=SCHEMA)])[0].text == "{}"
    assert model.left_out == {"response_format"}
    model.close()


REFUSED_FIELDS = (
    (error(400, "Unknown parameter: 'temperature'."), "'temperature' .* use another server"),
    (error(400, "Unsupported value: 'temperature' does not support 0 with this model."), "'temper"),
    (Turn(422, raw=b'{"detail": [{"loc": ["body", "max_tokens"], "msg": "Extra inputs are not '
          b'permitted"}]}'), "change vlm.max_tokens"),
)  # fmt: skip


def test_a_field_refused_in_every_request_stops_at_once(server: FaultyServer) -> None:
    for turn, why in REFUSED_FIELDS:
        model = connected(server)
        server.bodies.clear()
        server.decide = lambda body, number, turn=turn: turn  # type: ignore[misc]
        with pytest.raises(ModelRefused, match=f"refuses .*{why}"):
            said(model, [question()])
        assert len(server.bodies) <= 2, "once without the field"
        model.close()


ALIKE = (
    answer(b"{}"),
    answer(b"null"),
    error(400, "a reason that nobody has met before (17)"),
    error(503, "out of order"),
    answer(body_of(None, "length", reasoning="hmm")),
    Turn(413, "Request Entity Too Large"),
)


def test_what_fails_every_question_alike_stops_after_a_few(server: FaultyServer) -> None:
    """After four failures of one kind in a row, the same is asked about a grey picture."""
    for turn in ALIKE:
        model = connected(server)
        server.decide = lambda body, number, turn=turn: turn  # type: ignore[misc]
        for _ in range(3):
            assert said(model, [question()])[0].finish == "failed"
        with pytest.raises(ModelRefused, match="fails every question, also one with a grey") as no:
            said(model, [question()])
        assert str(no.value).isprintable() and not no.value.answered
        model.close()


def test_failures_of_pictures_never_stop(server: FaultyServer) -> None:
    """A folder of pictures that the server declines, or answers in between, stop nothing."""
    declined = answer(body_of(None, "content_filter"))
    server.decide = lambda body, number: Turn() if sizes(body)[0] == (64, 64) else declined
    model = connected(server)
    assert {said(model, [question()])[0].finish for _ in range(12)} == {"failed"}
    assert len(server.bodies) == 15, "one control question after each four"
    server.decide = lambda body, number: Turn() if number % 4 == 3 else declined
    server.bodies.clear()
    assert [said(model, [question()])[0].finish for _ in range(8)].count("stop") == 2
    assert len(server.bodies) == 8
    model.close()


def test_the_answers_of_a_batch_are_kept_when_the_scan_stops(server: FaultyServer) -> None:
    model = connected(server)
    server.decide = refusing_two_letters("Invalid API Key")
    asks = [VlmRequest((picture(n, 9, 9),), "x" * n, max_tokens=9) for n in (1, 2, 3)]
    with pytest.raises(ModelRefused, match="rejects the key") as caught:
        said(model, asks)
    assert {n: each.text for n, each in caught.value.answered.items()} == {0: "seen 1", 2: "seen 3"}
    model.close()
