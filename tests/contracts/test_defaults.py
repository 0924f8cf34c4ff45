"""What a profile takes when nobody says otherwise is really there."""

from __future__ import annotations

from typing import get_args

from core.config.prompts import load_prompts
from core.config.spec import Spec
from core.config.stages import ModelKind, declarations
from core.models import catalog
from core.models.protocols import Kind


def test_default_models_are_in_the_catalog_and_of_a_kind_their_stage_accepts() -> None:
    spec, known = Spec(), catalog.load().models
    assert known[spec.vlm.model].kind == "vlm"
    for stage in declarations():
        own = getattr(stage.Settings(), "model", "")
        names = stage.automatic if own == "auto" else (own,) if own else ()
        assert all(known[name].kind in stage.accepts for name in names), stage.name
        assert bool(names) != bool(stage.follows) or not stage.accepts, stage.name


def test_default_prompts_are_in_the_library_and_ask_for_what_the_stage_reads() -> None:
    prompts = load_prompts()
    asking = [stage for stage in declarations() if stage.prompt]
    assert len(asking) >= 4
    for stage in asking:
        assert prompts.get(stage.Settings().prompt).answer == stage.prompt, stage.name  # type: ignore[attr-defined]


def test_kinds_of_models_are_those_that_exist() -> None:
    assert set(get_args(ModelKind)) == set(get_args(Kind))
