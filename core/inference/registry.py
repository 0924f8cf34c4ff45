"""Opens the model stages of a scan, in the order in which their answers build on each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..config.spec import Spec
from ..config.stages import declaration
from .leases import ModelLeases
from .stage import ModelStage


def open_stages(leases: ModelLeases, spec: Spec) -> list[ModelStage]:
    """Return the model stages of a spec, opened, in the order in which they run."""
    opened = []
    for name in _order(leases, spec):
        stage = cast(ModelStage, declaration(name)())
        stage.open(leases, spec)
        opened.append(stage)
    return opened


def _order(leases: ModelLeases, spec: Spec) -> list[str]:
    """Return the registry's order, but a stage behind the one whose vectors it can take.

    A stage that follows another of the same model (`tag` follows `embed`) then works on what that
    computed, and nothing is embedded twice; unless that one needs its answers.
    """
    names = list(spec.frame_stages)
    for name in tuple(names):
        leader = declaration(name).follows
        shared = leader in names and leases.same_model(name, leader)
        if shared and name not in _before(leader, names):
            names.remove(name)
            names.insert(names.index(leader) + 1, name)
    return names


def _before(name: str, names: Sequence[str]) -> set[str]:
    """Return the stages among `names` whose answers a stage takes into account, directly or not."""
    found: set[str] = set()
    stage = declaration(name)
    for other in {*stage.needs, *stage.uses} & set(names):
        found |= {other} | _before(other, names)
    return found
