"""Which models a spec names: by the stage that uses one, or the stage or section it follows."""

from __future__ import annotations

from typing import Any

from ..errors import ProfileError
from .spec import Spec
from .stages import STAGES, declaration

AUTOMATIC = "auto"
"""a model's name that stands for another on an accelerator than on a CPU, as its stage declares"""


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


def models_to_check(spec: Spec) -> tuple[str, ...]:
    """Return the same; `auto:STAGE:DEVICE` for what a stage's `model = "auto"` represents."""
    owners = dict.fromkeys(model_owner(spec, stage) for stage in spec.model_stages)
    return tuple(_to_check(spec, owner) for owner in owners)


def _to_check(spec: Spec, owner: str) -> str:
    name = str(value_of(spec, owner, "model"))
    chooses = owner in STAGES.names() and any(declaration(owner).automatic)
    return f"{AUTOMATIC}:{owner}:{spec.models.device}" if name == AUTOMATIC and chooses else name


def value_of(spec: Spec, section: str, name: str) -> Any:
    """Return a setting of a section."""
    return getattr(spec.section(section), name)
