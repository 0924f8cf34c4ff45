"""From what was measured of a brightening to a score between 0 and 1, and to a reason.

`strength` is energy times likeness, over the energy a flash needs in this scene at the middle of
the sensitivity dial. Likeness is the product of all ratios, each stretched between a floor, where
it rules a flash out, and a ceiling, where it no longer matters. The score is the logistic function
of the strength's logarithm, strength^k / (1 + strength^k): 0.5 is the middle of the dial. Its slope
k was fitted to candidates of drawn footage, so that about that share of candidates with a score
are flashes (see `benchmarks/finding.py`, which prints the share for each tenth).

What a ratio rules out scores less than any threshold of the dial, and less the further the ratio
lies below its floor, so that rejected candidates can be ranked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .stage import RatioBounds

SLOPE = 1.25
RULED_OUT = 0.04
"""more than any candidate scores that a ratio rules out, less than any threshold of the dial"""
BORDERLINE = 0.5
"""of the way from floor to ceiling: a ratio below it is named as the reason"""

REASONS = {
    "simultaneity": "moves: lights one place after another",
    "gain": "darkens as much as it brightens, as a moving camera does",
    "brevity": "glows on",
    "attack": "brightens and fades slowly",
    "return": "does not come back to what was before",
    "continuity": "a cut: the picture stays changed",
    "fill": "brightens slowly, with short strokes on top",
    "steadiness": "moves: its light spreads or wanders",
    "coherence": "moves: some places brighten while others darken",
}
TOO_FAINT = "too faint for this sensitivity"
TOO_LONG = "glows on for longer than flash.max_seconds"
AT_THE_START = "begins with the video: what was before it cannot be seen"
AT_THE_END = "goes on to the end of the video: whether it fades cannot be seen"
SAMPLED_TOO_RARELY = "sampled too rarely: a flash cannot be told apart below 5 frames a second"


@dataclass(frozen=True, slots=True)
class Range:
    """The names of some ratios, where each rules a flash out and where it no longer matters."""

    names: tuple[str, ...]
    floors: NDArray[np.float32]
    ceilings: NDArray[np.float32]

    def stretched(self, ratios: NDArray[Any]) -> NDArray[np.float32]:
        """Return how far each ratio is from floor (0) to ceiling (1), not clipped."""
        return np.asarray((ratios - self.floors) / (self.ceilings - self.floors), np.float32)

    def likeness(self, ratios: NDArray[Any]) -> NDArray[np.float32]:
        """Return the product of the stretched ratios, clipped: shape (...,) of (..., ratios)."""
        return likeness_of(self.stretched(ratios))

    def reason(self, ratios: Sequence[float]) -> str:
        """Return why a flash was not accepted: the ratio furthest below, else its energy."""
        stretched = self.stretched(np.array(ratios))
        worst = int(stretched.argmin())
        return REASONS[self.names[worst]] if stretched[worst] < BORDERLINE else TOO_FAINT

    def bounds(self) -> tuple[RatioBounds, ...]:
        """Return what each ratio is compared with, and the reason it gives."""
        pairs = zip(self.names, self.floors.tolist(), self.ceilings.tolist(), strict=True)
        return tuple(RatioBounds(n, round(low, 6), round(high, 6), REASONS[n])
                     for n, low, high in pairs)  # fmt: skip


STROKE_RANGE = Range(
    ("simultaneity", "gain", "brevity", "attack", "return", "continuity"),
    np.array([0.70, 0.60, 0.75, 0.78, 0.35, 0.40], np.float32),
    np.array([0.88, 0.90, 0.95, 0.95, 0.65, 0.70], np.float32),
)


def likeness_of(stretched: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the product of ratios that `Range.stretched` gave, clipped to 0 .. 1."""
    return np.asarray(np.minimum(np.maximum(stretched, 0), 1).prod(-1), np.float32)


def score(strength: float, energy: float, stretched: NDArray[np.float32]) -> float:
    """Return the score between 0 and 1.

    `energy` is in units of what a flash needs, `stretched` as `Range.stretched` gives it.
    """
    plain = 0.0 if strength <= 0 else 1 / (1 + strength**-SLOPE)
    closeness = float(np.exp(min(float(stretched.min()), 0.0)))
    return max(plain, RULED_OUT * closeness * energy / (1 + energy))


def scores(
    strengths: NDArray[Any], energies: NDArray[Any], stretched: NDArray[Any]
) -> NDArray[np.float32]:
    """Return the score of each frame, as `score` does: (frames,) of (frames,), .., (frames, n)."""
    with np.errstate(divide="ignore"):
        plain = 1 / (1 + np.maximum(strengths, 0.0).astype(np.float64) ** -SLOPE)
    closeness = np.exp(np.minimum(stretched.min(1), 0.0))
    ruled_out = RULED_OUT * closeness * energies / (1 + energies)
    return np.asarray(np.maximum(plain, ruled_out), np.float32)


def threshold_at(sensitivity: float) -> float:
    """Return the score a flash must reach: 0.5 in the middle of the dial."""
    return float(1 / (1 + strength_at(sensitivity) ** -SLOPE))


def sensitivity_at(threshold: float) -> float | None:
    """Return the sensitivity whose threshold is a score; None where no sensitivity has it."""
    if not 0 < threshold < 1:
        return None
    strength = (threshold / (1 - threshold)) ** (1 / SLOPE)
    sensitivity = (1 - math.log10(strength)) / 2
    return sensitivity if -1e-9 <= sensitivity <= 1 + 1e-9 else None


def strength_at(sensitivity: float) -> float:
    """Return the strength a flash must reach: 1 in the middle of the dial, a tenth of it at 1."""
    return float(10 ** (1 - 2 * sensitivity))
