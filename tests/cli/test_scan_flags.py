"""Flags of `scan` that set one setting each, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.cli.scan_flags import NAMES, with_flags
from core.config.profiles import resolve
from core.config.spec import Spec
from core.errors import UsageError
from core.scans.resolve_models import resolve_models
from tests.tiny.shelf import tiny_model
from tests.workbench import InProcess

BEFORE = "9a64d41a6b9c0c3da0c9d2599e2e9798"
"""the hash of `dev` when it asked for no precision"""


def flagged(profile: str, settings: dict[str, Any] | None = None, **flags: Any) -> Spec:
    """Return the spec of a profile with flags; those that are not named were not typed."""
    given = settings or {}
    untyped = dict.fromkeys(NAMES) | {"model_revision": ()}
    return resolve(profile, with_flags(untyped | flags, given, resolve(profile, given)))


def test_a_flag_wins_over_the_profile_only_when_it_is_typed() -> None:
    for profile in ("dev", "full", "describe", "quick"):
        assert flagged(profile).hash() == resolve(profile).hash()
    spec = flagged(
        "full", attn="eager", dtype="float32", fps=1.5, max_frames=7, image_size=333,
        batch_size=300, packing=3, max_slice_nums=4, thinking=True, preload_model=True,
        model_revision=("qwen3-vl-2b=abc", "grounding-dino-tiny=v1"),
        prompt_preset="keywords_only",
    )  # fmt: skip
    models, vlm = spec.models, spec.vlm
    assert (models.attn, models.dtype, models.image_size, models.preload) == (
        "eager", "float32", 333, True,
    )  # fmt: skip
    assert (spec.sampling.fps, spec.sampling.max_frames, spec.sampling.mode) == (1.5, 7, "every")
    assert (models.batch_size, vlm.batch_size) == (300, 256)
    assert (vlm.packing, vlm.max_slice_nums, vlm.thinking) == (3, 4, True)
    assert models.revisions == {"qwen3-vl-2b": "abc", "grounding-dino-tiny": "v1"}
    assert spec.section("caption").prompt == "keywords_only"  # type: ignore[attr-defined]
    assert flagged("full", thinking=False, preload_model=False).vlm.thinking is False


def test_a_flag_takes_effect_whatever_the_profile_samples() -> None:
    assert flagged("describe", fps=3.0).sampling.mode == "fps"
    assert flagged("quick", {"stages": ["quality"]}, fps=3.0).sampling.mode == "fps"
    assert flagged("quick", {"stages": ["flash", "caption"]}, fps=3.0).sampling.mode == "every"
    whole = resolve("describe", {"models.no_resize": True})
    sized = with_flags({"image_size": 100}, {}, whole)
    assert sized == {"models.image_size": 100, "models.no_resize": False}
    keyframes = {"sampling.mode": "keyframes"}
    assert flagged("describe", keyframes, fps=3.0).sampling.mode == "keyframes"
    assert flagged("describe", no_resize=True).models.no_resize is True
    assert flagged("describe", model_revision=("abc",)).models.revisions == {"qwen3-vl-2b": "abc"}
    assert flagged("storm-verified", prompt_preset="storm_verify")


@pytest.mark.parametrize(
    ("profile", "settings", "flags", "words"),
    [
        ("full", {}, {"model_revision": ("abc",)}, "write MODEL=REVISION"),
        ("describe", {}, {"model_revision": ("qwen3-vl=a",)}, "did you mean 'qwen3-vl-2b'"),
        ("quick", {}, {"model_revision": ("abc",)}, "uses no model"),
        ("quick", {}, {"fps": 2.0}, "needs every frame"),
        ("quick", {}, {"max_frames": 4}, "needs every frame"),
        ("quick", {}, {"prompt_preset": "keywords_only"}, "does not run"),
        ("describe", {}, {"image_size": 5, "no_resize": True}, "mutually exclusive"),
        ("describe", {"vlm.packing": 2}, {"packing": 3}, "set twice"),
    ],
)
def test_what_makes_no_sense_is_refused(
    profile: str, settings: dict[str, Any], flags: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        flagged(profile, settings, **flags)


def test_full_and_incremental_are_redo_and_changed(inside: InProcess, pictures: Path) -> None:
    scan = ("scan", pictures, "--stages", "quality", "--no-ui")
    first = inside(*scan)
    assert first.code == 0, first.err
    assert "0 sources" in inside(*scan, "--incremental").err
    again = inside(*scan, "--full", "--json")
    assert {each["state"] for each in again.of("TaskFinished")} == {"done"}
    both = inside(*scan, "--full", "--incremental")
    assert both.code == 2 and "mutually exclusive" in both.err
    assert inside(*scan, "--dtype", "float8").code == 2


def test_presets_are_listed_without_a_path(inside: InProcess) -> None:
    listed = inside("scan", "--list-presets")
    assert listed.code == 0 and "detailed_description@1" in listed.out
    assert listed.out == inside("prompts", "list").out
    rows = inside("scan", "--list-presets", "--json").out.splitlines()
    assert {json.loads(row)["type"] for row in rows} == {"Prompt"}


def test_float16_falls_back_on_a_cpu_with_one_line() -> None:
    model = {"stages": ["embed"], "embed.model": str(tiny_model("clip")), "models.device": "cpu"}
    notes: list[str] = []
    resolved = resolve_models(resolve("dev", model), notes.append)
    assert {each.dtype for each in resolved.loadings.values()} == {"auto"}
    assert [note for note in notes if "float16" in note] == [
        "models.dtype = float16 has no benefit on a CPU; using auto instead"
    ]
    auto = resolve_models(resolve("dev", model | {"models.dtype": "auto"}), notes.append)
    assert resolved.spec.hash() == auto.spec.hash()
    assert resolve("dev", {"models.dtype": "auto"}).hash() == BEFORE
