"""Which models a spec names: by the stage that uses one, or the stage or section it follows."""

from __future__ import annotations

from typing import Any

from ..errors import ProfileError
from .spec import Spec
from .stages import declaration


def model_of(spec: Spec, stage: str) -> str:
    """Return the name of the model a stage uses. Raises ProfileError."""
    return str(value_of(spec, model_owner(spec, stage), "model"))


def model_owner(spec: Spec, stage: str) -> str:
    """Return the section that names a stage's model: its own, or the one it follows.

    Raises ProfileError where none does.
    """
    followed = declaration(stage).follows
    if not followed and not value_of(spec, stage, "model"):
        raise ProfileError(f"{stage}.model is empty; name a model (see `sightline models list`)")
    return stage if value_of(spec, stage, "model") else followed


def models_of(spec: Spec) -> tuple[str, ...]:
    """Return the names of all models of a spec, each once."""
    return tuple(dict.fromkeys(model_of(spec, stage) for stage in spec.model_stages))


def value_of(spec: Spec, section: str, name: str) -> Any:
    """Return a setting of a section."""
    return getattr(spec.section(section), name)
