"""How long work took on this machine, as scans keep it and estimates read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RateSample:
    """What one scan measured: so many units of work took so many seconds."""

    units: float
    seconds: float

    @property
    def rate(self) -> float:
        """Return seconds per unit."""
        return self.seconds / self.units


class RateStore(Protocol):
    """Where samples are kept, by the kind of work."""

    def add_sample(self, key: str, sample: RateSample) -> None:
        """Keep one more; the oldest of many are removed."""

    def samples(self, key: str) -> Sequence[RateSample]:
        """Return what was measured of a kind of work, the oldest first."""
