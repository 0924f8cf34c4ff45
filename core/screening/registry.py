"""Screening stages by name; their classes are in `core.config.stages.STAGES`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from ..config.stages import declaration, declared
from .stage import RatioBounds, ScreeningStage, Stage


def create(name: str) -> Stage:
    """Return a new stage of the given name. Raises UnknownName."""
    return cast(Stage, declaration(name)())


def versions(names: Iterable[str]) -> dict[str, int]:
    """Return the version of each stage: what an earlier one measured is measured again."""
    return {name: declaration(name).version for name in names}


def columns_of(name: str, width: int) -> tuple[str, ...]:
    """Return the names of a kept series' columns, of this or an earlier version of a stage.

    Those of a stage that is not here are numbered.
    """
    stage = cast("type[Stage] | None", declared(name))
    declarations = (*stage.former_columns, stage.columns) if stage else ()
    known = {len(columns): columns for columns in declarations}
    return known.get(width) or tuple(f"column_{number}" for number in range(width))


def width_of(name: str) -> int:
    """Return how many columns a stage measures; 0 for one that is not here."""
    stage = cast("type[Stage] | None", declared(name))
    return len(stage.columns) if stage else 0


def sensitivity_of(name: str, score: float) -> float | None:
    """Return the sensitivity from which on a stage accepts a score, where its scale says so."""
    stage = declared(name)
    return stage.sensitivity_at(score) if stage and issubclass(stage, ScreeningStage) else None


def ratio_bounds_of(name: str) -> tuple[tuple[RatioBounds, ...], ...]:
    """Return the ratios by which a stage decides; empty where it has none or is not here."""
    stage = declared(name)
    return stage.ratio_bounds() if stage and issubclass(stage, ScreeningStage) else ()


def internal_of(name: str) -> frozenset[str]:
    """Return the columns that no person is shown."""
    stage = cast("type[Stage] | None", declared(name))
    return stage.internal if stage else frozenset()
