"""Every stage there is: the name in a profile, and where its class lives. Imported on first use."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from .stage import Stage

STAGES: dict[str, tuple[str, str]] = {
    "flash": (".flash", "FlashStage"),
    "motion": (".motion", "MotionStage"),
    "cut": (".cut", "CutStage"),
    "dedupe": (".dedupe", "DedupeStage"),
    "quality": (".quality", "QualityStage"),
}


def create(name: str) -> Stage:
    """Return a new stage of the given name."""
    module, attribute = STAGES[name]
    stage: Stage = getattr(import_module(module, __package__), attribute)()
    return stage


def versions(names: Iterable[str]) -> dict[str, int]:
    """Return the version of each stage: what an earlier one measured is measured again."""
    return {name: create(name).version for name in names}


def columns_of(name: str, width: int) -> tuple[str, ...]:
    """Return the names of a kept track's columns, of this or an earlier version of a stage."""
    stage = create(name)
    known = {len(columns): columns for columns in (*stage.former_columns, stage.columns)}
    return known.get(width) or tuple(f"column_{number}" for number in range(width))
