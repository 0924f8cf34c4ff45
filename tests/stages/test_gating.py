"""Gates: frames that quality and duplicates keep from models, with the reason in the result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image, ImageFilter

from core.config.gates import ALL_FRAMES, frames_gated
from core.config.profiles import build
from core.config.screening_settings import Sampling
from core.config.spec import Spec
from core.errors import ProfileError
from core.screening.dedupe import KnownHashes
from core.storage.export.schemas import schema
from tests.models.vlm.faulty_server import FaultyServer
from tests.workbench import InProcess, encode, texture

STAGES = ("--stages", "quality,dedupe,caption")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    made.text = "A street."
    yield made
    made.close()


def looks(cli: InProcess, scan: int, name: str) -> list[dict[str, Any]]:
    assert cli("export", str(scan), "--out", cli.home / f"out{scan}").code == 0
    body = json.loads((cli.home / f"out{scan}" / f"{name}.json").read_text())
    jsonschema.validate(body, schema("source"))
    found: list[dict[str, Any]] = body["looks"]
    return found


def gate(*entries: str) -> tuple[str, ...]:
    return ("--set", f"models.gate={json.dumps(entries)}")


def drawn(folder: Path) -> None:
    folder.mkdir()
    Image.new("RGB", (320, 240)).save(folder / "1-black.png")
    texture(1).filter(ImageFilter.GaussianBlur(9)).save(folder / "2-blurred.png")
    texture(1).save(folder / "3-sharp.png")
    texture(1).resize((640, 480)).save(folder / "4-again.png")
    texture(2).save(folder / "5-other.png")


def test_pictures_are_kept_from_the_model_with_the_reason(
    inside: InProcess, server: FaultyServer
) -> None:
    folder = inside.home / "pictures"
    drawn(folder)
    vlm = ("--set", f"vlm.model={server.url}#tiny")
    ran = inside("scan", folder, *STAGES, *vlm, *gate("quality", "dedupe"))
    assert ran.code == 0, ran.err
    assert len(server.asked()) == 2
    reasons = {}
    for path in sorted(folder.iterdir()):
        (look,) = looks(inside, 1, path.name)
        reasons[path.name] = [each["reason"] for each in look.get("gated", [])]
        assert bool(look["caption"]) != bool(reasons[path.name])
    # The sharp one is asked about although a blurred one before it is like it.
    assert reasons == {
        "1-black.png": ["quality: blurred, dark, flat"],
        "2-blurred.png": ["quality: blurred"],
        "3-sharp.png": [],
        "4-again.png": ["dedupe: like 3-sharp.png"],
        "5-other.png": [],
    }
    shown = inside("show", folder / "1-black.png").out
    assert "caption: not asked (quality: blurred, dark, flat)" in shown
    assert "same" in inside("runs", "verify", "1").out
    # Known pictures count for duplicates of a later scan.
    texture(2).resize((480, 360)).save(folder / "6-other-again.png")
    asked = len(server.asked())
    assert inside("scan", folder, *STAGES, *vlm, *gate("quality", "dedupe")).code == 0
    assert len(server.asked()) == asked
    assert looks(inside, 3, "6-other-again.png")[0]["gated"][0]["reason"] == (
        "dedupe: like 5-other.png"
    )


def test_one_fault_alone_and_a_gate_of_one_stage(inside: InProcess, server: FaultyServer) -> None:
    folder = inside.home / "pictures"
    drawn(folder)
    vlm = ("--set", f"vlm.model={server.url}#tiny")
    assert inside("scan", folder, *STAGES, *vlm, *gate("quality.dark")).code == 0
    assert len(server.asked()) == 4
    own = ("--set", 'caption.gate=["quality.blurred"]')
    assert inside("scan", folder, *STAGES, *vlm, *gate("quality"), *own).code == 0
    assert looks(inside, 2, "1-black.png")[0]["gated"] == [
        {"stage": "caption", "reason": "quality: blurred"}
    ]
    # Without a gate everything is asked about, and nothing that is known twice.
    assert inside("scan", folder, *STAGES, *vlm).code == 0
    assert len(server.asked()) == 5


def test_frames_of_a_video_are_judged_one_by_one(inside: InProcess, server: FaultyServer) -> None:
    scenes = [np.asarray(texture(n, 320, 180)) for n in (1, 2)]
    black = np.zeros_like(scenes[0])
    # Black from 0.5 to 1 s: the first frame of that second is not.
    frames = [scenes[0]] * 5 + [black] * 5 + [scenes[1]] * 10
    encode(iter(frames), inside.home / "a.mp4", Fraction(10))
    vlm = ("--set", f"vlm.model={server.url}#tiny")
    for number, mode in enumerate((("--set", "sampling.mode=fps"), ()), 1):
        ran = inside(
            "scan", inside.home / "a.mp4", *STAGES, *vlm, *mode, "--set", "sampling.fps=4",
            *gate("quality.dark", "dedupe"),
        )  # fmt: skip
        assert ran.code == 0, ran.err
        found = looks(inside, number, "a.mp4")
        said = [(round(each["seconds"], 1), "caption" if each["caption"] else
                 each["gated"][0]["reason"]) for each in found]  # fmt: skip
        assert said == [
            (0.0, "caption"), (0.3, "dedupe: like frame 0 at 0.000 s"),
            (0.5, "quality: dark"), (0.8, "quality: dark"), (1.0, "caption"),
            *((at, "dedupe: like frame 10 at 1.000 s") for at in (1.3, 1.5, 1.8)),
        ]  # fmt: skip


def test_what_names_no_fault_is_refused_and_defaults_measure_as_before() -> None:
    for entries, words in (
        (["qualty"], "did you mean 'quality'"),
        (["quality.drak"], "did you mean 'quality.dark'"),
        (["dedupe"], "add it to the stages"),
        (["flash"], "unknown fault 'flash'"),
    ):
        with pytest.raises(ProfileError, match=words):
            build({"stages": ["quality", "caption"], "models": {"gate": entries}}, "p", "p")
    gated: dict[str, Any] = {
        "stages": ("quality", "caption"),
        "models": {"gate": ("quality",)},
        "sampling": Sampling(mode="keyframes"),
    }
    assert frames_gated(Spec(**gated), "quality") == ALL_FRAMES
    assert frames_gated(Spec(**{**gated, "caption": {"gate": ()}}), "quality") == 0
    assert "gated" in Spec(**gated).measure_settings("quality")
    assert Spec(**gated).hash() != Spec(**{**gated, "models": {}}).hash()


def test_known_hashes_grow_and_find_the_nearest() -> None:
    known = KnownHashes()
    values = np.random.default_rng(1).integers(0, 2**63, 300).astype(np.uint64)
    for number, value in enumerate(values):
        known.add(value, str(number))
    assert known.nearest(values[250] ^ np.uint64(3), 6) == "250"
    assert known.nearest(np.uint64(~int(values[0]) & (2**64 - 1)), 0) is None
