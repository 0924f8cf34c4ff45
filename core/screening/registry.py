"""Screening stages by name; their classes are in `core.config.stages.STAGES`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from ..config.stages import declaration
from .stage import Stage


def create(name: str) -> Stage:
    """Return a new stage of the given name. Raises UnknownName."""
    return cast(Stage, declaration(name)())


def versions(names: Iterable[str]) -> dict[str, int]:
    """Return the version of each stage: what an earlier one measured is measured again."""
    return {name: declaration(name).version for name in names}


def columns_of(name: str, width: int) -> tuple[str, ...]:
    """Return the names of a kept series' columns, of this or an earlier version of a stage."""
    stage = create(name)
    known = {len(columns): columns for columns in (*stage.former_columns, stage.columns)}
    return known.get(width) or tuple(f"column_{number}" for number in range(width))
