"""What a metric is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..score import Score


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a comparison. Both functions get the counts, pairs and errors of a `Score`.

    Of several videos the score has their sums, so a share is one of all events together.
    """

    name: str
    description: str
    """one line: what it is, its unit and its range"""
    value: Callable[[Score], float | None]
    """returns None where there is nothing to compute it from"""
    line: Callable[[Score], str]
    """returns what `sightline score` prints; empty where there is nothing to say"""


def shown(value: float | None) -> str:
    """Return a share as it is printed."""
    return "-" if value is None else f"{value:.3f}"
