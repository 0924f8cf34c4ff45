"""What a profile takes when nobody says otherwise is really there."""

from __future__ import annotations

from core.config.prompts import load_prompts
from core.config.spec import Spec
from core.models import catalog
from core.scans.resolve_models import EMBEDDER_ON_CPU, EMBEDDER_ON_GPU, PROMPTED


def test_default_models_are_in_the_catalog_and_of_the_right_kind() -> None:
    spec, known = Spec(), catalog.load().models
    wanted = {
        spec.vlm.model: "vlm",
        spec.detect.model: "detector",
        spec.segment.model: "segmenter",
        EMBEDDER_ON_CPU: "embedder",
        EMBEDDER_ON_GPU: "embedder",
    }
    assert {name: known[name].kind for name in wanted} == wanted


def test_default_prompts_are_in_the_library() -> None:
    prompts = load_prompts()
    for stage in PROMPTED:
        asked = prompts.get(getattr(Spec(), stage).prompt)
        assert (asked.answer == "verdict") == (stage == "verify")
