"""Captions of several frames of a video in one question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from core.config.spec import Spec
from core.inference.frames import frames_at_once
from core.inference.packing import rows_together
from core.inference.stage import LazyFrame
from core.models.families.chat import ChatModel
from core.models.families.florence2 import Florence2
from core.models.families.minicpm_remote import MiniCpmRemote
from core.models.registry import takes_several_pictures
from core.storage.export.schemas import schema
from tests.models.vlm.faulty_server import FaultyServer
from tests.tiny.shelf import tiny_model
from tests.workbench import InProcess, encode, texture


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    made.text = "A street."
    yield made
    made.close()


def clip(path: Path, scenes: int) -> Path:
    pictures = [np.asarray(texture(n, 160, 96)) for n in range(scenes)]
    return encode((each for each in pictures for _ in range(2)), path, Fraction(4))


def captions(cli: InProcess, scan: int) -> list[tuple[float, dict[str, Any]]]:
    assert cli("export", str(scan), "--out", cli.home / f"out{scan}").code == 0
    body = json.loads((cli.home / f"out{scan}" / "a.mp4.json").read_text())
    jsonschema.validate(body, schema("source"))
    return [(each["seconds"], each["caption"]) for each in body["looks"] if each["caption"]]


def pictures_in(body: dict[str, Any]) -> int:
    return sum(part["type"] == "image_url" for part in body["messages"][-1]["content"])


def test_a_question_shows_several_frames_whatever_the_batch(
    inside: InProcess, server: FaultyServer
) -> None:
    clip(inside.home / "a.mp4", 7)
    scan = ("scan", inside.home / "a.mp4", "--stages", "caption", "--fps", "2",
            "--set", "sampling.mode=fps", "--set", f"vlm.model={server.url}#tiny")  # fmt: skip
    first = inside(*scan, "--packing", "3", "--batch-size", "2")
    assert first.code == 0, first.err
    assert sorted(map(pictures_in, server.asked())) == [1, 3, 3]
    found = captions(inside, 1)
    assert [(at, said["frames"], said["frames_shown"]) for at, said in found] == [
        (0.0, 3, [0.0, 0.5, 1.0]), (1.5, 3, [1.5, 2.0, 2.5]), (3.0, 1, [3.0]),
    ]  # fmt: skip
    texts = [body["messages"][-1]["content"][-1]["text"] for body in server.asked()]
    assert any("3 frames (1: +0.000 s; 2: +0.500 s; 3: +1.000 s)" in text for text in texts)
    assert "3 frames): A street." in inside("show", f"{inside.home / 'a.mp4'}@1.5").out
    # Another batch shows the same questions, so nothing is asked again.
    assert inside(*scan, "--packing", "3", "--batch-size", "7", "--full").code == 0
    assert captions(inside, 2)[0][1]["frames_shown"] == [0.0, 0.5, 1.0]
    asked = len(server.asked())
    assert inside(*scan, "--packing", "1").code == 0
    assert len(server.asked()) == asked + 7
    assert "frames" not in captions(inside, 3)[0][1]


def test_frames_that_are_gated_are_left_out_of_a_question(
    inside: InProcess, server: FaultyServer
) -> None:
    shown = [np.asarray(texture(1, 160, 96))] * 2
    frames = [*shown, np.zeros_like(shown[0]), shown[0]]
    encode(iter(frames), inside.home / "a.mp4", Fraction(2))
    ran = inside(
        "scan", inside.home / "a.mp4", "--stages", "quality,caption", "--fps", "2", "--packing=4",
        "--set", "sampling.mode=fps", "--set", f"vlm.model={server.url}#tiny",
        "--set", 'models.gate=["quality.dark"]',
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert [pictures_in(body) for body in server.asked()] == [3]
    assert captions(inside, 1)[0][1]["frames_shown"] == [0.0, 0.5, 1.5]


def test_a_model_that_takes_one_picture_is_asked_about_each_frame(inside: InProcess) -> None:
    clip(inside.home / "a.mp4", 2)
    ran = inside(
        "scan", inside.home / "a.mp4", "--stages", "caption", "--fps=2", "--packing=2", "--json",
        "--set", "sampling.mode=fps", "--set", f"vlm.model={tiny_model('florence2')}",
        "--set", "vlm.max_tokens=2",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert any("accepts one picture per question" in each["text"] for each in ran.of("Warned"))
    assert [at for at, _ in captions(inside, 1)] == [0.0, 0.5]


def test_windows_go_by_place_and_a_picture_is_alone() -> None:
    def frame(content: str, place: int | None, gated: bool = False) -> LazyFrame:
        why = {"caption": "dark"} if gated else {}
        return LazyFrame(content, 0, 0.0, 1.0, lambda: None, gated=why, place=place)  # type: ignore[arg-type, return-value]

    shown = [frame("a", 4), frame("a", 5), frame("a", 6, gated=True), frame("a", 7)]
    assert list(rows_together(shown, 2, "caption")) == [[0, 1], [3]]
    assert list(rows_together(shown, 1, "caption")) == [[0], [1], [3]]
    pictures = [frame("a", None), frame("b", None), frame("b", 0)]
    assert list(rows_together(pictures, 6, "caption")) == [[0], [1], [2]]
    for packing in range(1, 7):
        spec = Spec(models={"batch_size": 16}, vlm={"packing": packing})
        assert frames_at_once(spec) % packing == 0 and 16 <= frames_at_once(spec) < 16 + packing


def test_families_that_take_one_picture_are_known_before_they_load() -> None:
    for family, kind in (("chat", ChatModel), ("minicpm_remote", MiniCpmRemote),
                         ("florence2", Florence2)):  # fmt: skip
        made: Any = object.__new__(kind)
        assert takes_several_pictures(family) == (made.most_pictures != 1), family
    assert takes_several_pictures("endpoint")
