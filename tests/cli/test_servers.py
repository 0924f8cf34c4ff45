"""Scans of pictures by models behind servers: one for each class of outcome, through the commands.

Each row of `OUTCOMES` states what the server answers and what must come of it: the exit code, the
counts of the last line, the captions that are stored, and a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from core.storage.export.schemas import schema
from tests.models.vlm.faulty_server import FaultyServer, Turn
from tests.models.vlm.server_cases import WHOLE, answer, error, events, flat, said, stream
from tests.workbench import InProcess

PICTURES = 3


@dataclass(frozen=True)
class Outcome:
    """`turns` answer the questions (the last one all others), `at_load` the first request."""

    name: str
    turns: tuple[Turn, ...]
    code: int
    counts: str
    captions: tuple[str, ...]
    line: str = ""
    at_load: Turn | None = None
    requests: int = PICTURES


RED = ("A red car.",) * PICTURES
OUTCOMES = (
    Outcome("answers", (answer(said("A red car.")),), 0, "3 read, 0 known, 0 failed", RED),
    Outcome("reasoning in front", (answer(said("It is red.</think>A red car.")),), 0,
            "3 read, 0 known, 0 failed", RED),
    Outcome("a stream left open", (stream(events(*WHOLE, done=False), end="open"),), 0,
            "3 read, 0 known, 0 failed", RED),
    Outcome("a content filter", (answer(said("A red", "content_filter")),), 1,
            "0 read, 0 known, 3 failed", (), "a content filter of the server"),
    Outcome("no choice", (answer(b'{"choices": [null]}'),), 1, "0 read, 0 known, 3 failed", (),
            "contains no choice, but null"),
    Outcome("only reasoning", (answer(said(None, "length", reasoning="hm")),), 1,
            "0 read, 0 known, 3 failed", (), "9 tokens spent on reasoning"),
    Outcome("one picture is refused",
            (answer(said("A red car.")), error(400, "Failed to load image or audio file"),
             answer(said("A red car."))), 1, "2 read, 0 known, 1 failed", RED[:2],
            "HTTP 400: Failed to load image or audio file"),
    Outcome("no payment, at load", (answer(said("A red car.")),), 4, "0 read, 0 known, 0 failed",
            (), "wants payment .*Insufficient credits", error(402, "Insufficient credits"), 0),
    Outcome("no chat template, at load", (answer(said("A red car.")),), 4,
            "0 read, 0 known, 0 failed", (), "the chat template of .* cannot be used",
            flat(400, "you must provide a chat template"), 0),
    Outcome("no payment, later", (answer(said("A red car.")), error(402, "No credits left")), 4,
            "known, 0 failed", (), "wants payment .*No credits left"),
    Outcome("a web page", (answer(said("A red car.")),), 4, "0 read, 0 known, 0 failed", (),
            "is not there", answer(b"<!doctype html><title>x</title>", kind="text/html"), 0),
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    yield made
    made.close()


@pytest.fixture
def pictures(inside: InProcess) -> Path:
    folder = inside.home / "pictures"
    folder.mkdir()
    for number in range(PICTURES):
        noise = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


def scan(inside: InProcess, server: FaultyServer, pictures: Path, *more: str) -> Any:
    return inside(
        "scan", pictures, "--stages", "caption", "--set", f"vlm.model={server.url}#tiny",
        "--set", "vlm.concurrency=1", *more,
    )  # fmt: skip


def captions(inside: InProcess, number: int) -> list[dict[str, Any]]:
    out = inside.home / f"out{number}"
    assert inside("export", str(number), "--out", out).code == 0
    found = []
    for path in sorted(out.glob("*.png.json")):
        body = json.loads(path.read_text())
        jsonschema.validate(body, schema("source"))
        found += [look["caption"] for look in body["looks"] if look["caption"]]
    return found


def in_turn(turns: tuple[Turn, ...]) -> Callable[..., Turn]:
    return lambda body, number=0: turns[min(number, len(turns) - 1)]


def test_every_class_of_outcome(inside: InProcess, server: FaultyServer, pictures: Path) -> None:
    for number, case in enumerate(OUTCOMES, 1):
        server.bodies.clear()
        server.decide = in_turn(case.turns)
        server.at_load = in_turn((case.at_load or Turn(),))
        # another prompt each time, so that nothing is known
        ran = scan(inside, server, pictures, "--set", f"caption.extra={case.name}")
        assert ran.code == case.code, f"{case.name}: {ran.err}"
        assert case.counts in ran.err and re.search(case.line, ran.err), f"{case.name}: {ran.err}"
        assert len(server.bodies) == case.requests, case.name
        kept = [each["text"] for each in captions(inside, number)]
        assert tuple(kept) == case.captions or case.name == "no payment, later", case.name
        if case.code == 4:
            lines = [line for line in ran.err.splitlines() if server.url in line]
            assert len(lines) == 1, f"{case.name}: one line, not one for each picture"


def test_what_was_removed_is_a_fact(
    inside: InProcess, server: FaultyServer, pictures: Path
) -> None:
    server.decide = lambda body, number: answer(said("<think>It is red.</think>A red car."))
    assert scan(inside, server, pictures).code == 0
    for caption in captions(inside, 1):
        assert caption["text"] == "A red car." and "control_tokens" not in caption["facts"]
        assert caption["facts"]["removed"] == ["<think>", "</think>"]
        assert caption["facts"]["thought_letters"] == len("It is red.")
    assert "without 10 characters of reasoning" in inside("show", pictures / "0.png").out


def test_a_server_that_loads_is_waited_for_with_a_line(
    inside: InProcess, server: FaultyServer, pictures: Path
) -> None:
    loading = error(503, "Loading model", "unavailable_error")
    server.at_load = lambda body: loading if len(server.probes) < 3 else Turn()
    ran = scan(inside, server, pictures, "--json")
    assert ran.code == 0, ran.err
    texts = [each["text"] for each in ran.of("Warned")]
    assert [text for text in texts if "is loading its model; waiting up to 300 s" in text]
    server.at_load = lambda body: loading
    late = scan(inside, server, pictures, "--full", "--set", "vlm.wait_seconds=0.2")
    assert late.code == 4 and "has not loaded its model within 0.2 s" in late.err


def test_pictures_are_reduced_with_a_line_and_a_fact(
    inside: InProcess, server: FaultyServer, pictures: Path
) -> None:
    seen: list[int] = []

    def decide(body: dict[str, Any], number: int) -> Turn:
        seen.append(len(json.dumps(body)))
        too_large = number == 0
        return (
            error(400, "Maximum allowed: 1500 total pixels, image too large")
            if too_large
            else (Turn())
        )

    server.decide = decide
    ran = scan(inside, server, pictures)
    assert ran.code == 0, ran.err
    assert "warning: the server accepts no larger pictures: reduced to 44x33, in pixels" in ran.err
    facts = [each["facts"].get("reduced") for each in captions(inside, 1)]
    assert facts == ["44x33"] * PICTURES and len(seen) == PICTURES + 1


def test_models_show_asks_a_server_what_it_can_do(inside: InProcess, server: FaultyServer) -> None:
    def decide(body: dict[str, Any], number: int) -> Turn:
        parts = body["messages"][-1]["content"]
        if sum(part["type"] == "image_url" for part in parts) > 4:
            return flat(400, "At most 4 image(s) may be provided in one request.")
        if "response_format" in body:
            return answer(said('{"number": 1}'))
        return Turn()

    server.decide = decide
    server.at_load = lambda body: decide(body, 0)
    shown = inside("models", "show", f"{server.url}#tiny", "--json")
    assert shown.code == 0, shown.err
    (model,) = shown.of("Model")
    found = {key: model[key] for key in ("images", "images_per_question", "streaming", "schema")}
    assert found == {
        "images": "yes", "images_per_question": "4 (the server's limit)", "streaming": "yes",
        "schema": "enforced",
    }  # fmt: skip
    text = inside("models", "show", f"{server.url}#tiny").out
    assert re.search(r"^images per question +4 \(the server's limit\)$", text, re.MULTILINE)
    assert re.search(r"^streaming +yes$", text, re.MULTILINE)
    # It was asked once; the date is shown, and --refresh asks again.
    probes = len(server.probes) + len(server.bodies)
    assert re.search(r"^asked +\d{4}-\d\d-\d\d \(--refresh asks again\)$", text, re.MULTILINE)
    offline = inside("models", "show", f"{server.url}#tiny", "--offline").out
    assert "enforced" in offline and len(server.probes) + len(server.bodies) == probes
    server.decide = lambda body, number: Turn()
    server.at_load = lambda body: Turn()
    again = inside("models", "show", f"{server.url}#tiny", "--refresh", "--json").of("Model")[0]
    assert again["images_per_question"] == "at least 8" and "asked" not in again
    assert len(server.probes) + len(server.bodies) > probes
    for secret in ("http://me:4711@127.0.0.1:1/v1", f"{server.url}?key=4711"):
        refused = inside("models", "show", secret)
        assert refused.code == 2 and "must not contain" in refused.err
        assert "4711" not in refused.err + refused.out
    # without a name: what the server lists
    listed = inside("models", "show", server.url, "--json").of("Model")[0]
    assert listed["models"] == ["tiny", "other/model"] and "streaming" not in listed
    server.names = ["tiny"]
    assert inside("models", "show", server.url, "--json").of("Model")[0]["streaming"] == "yes"


def test_models_show_of_servers_that_can_do_less(inside: InProcess, server: FaultyServer) -> None:
    asked = len(server.probes)
    offline = inside("models", "show", f"{server.url}#tiny", "--offline", "--json").of("Model")[0]
    assert "streaming" not in offline and len(server.probes) == asked
    server.at_load = lambda body: error(500, "image input is not supported, provide the mmproj")
    blind = inside("models", "show", f"{server.url}#tiny", "--json").of("Model")[0]
    assert "accepts no images" in blind["server"] and "streaming" not in blind
    server.at_load = lambda body: (
        error(400, "unknown field: stream") if body.get("stream") else Turn()
    )
    server.decide = lambda body, number: (
        error(400, "response_format is not supported") if "response_format" in body else Turn()
    )
    plain = inside("models", "show", f"{server.url}#tiny", "--json").of("Model")[0]
    assert (plain["streaming"], plain["schema"]) == ("refused", "refused")
    assert inside("models", "show", "http://127.0.0.1:9/v1").code == 4
