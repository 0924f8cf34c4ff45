"""Every stage there is: the name in a profile, and where its class lives. Imported on first use."""

from __future__ import annotations

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
