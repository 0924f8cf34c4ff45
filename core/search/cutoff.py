"""Which hits pass: the false rate of a search, by what background sentences reach by chance.

A calibrated score (see `stores.protocol.Query`) is how many spreads a cosine is above what
sentences about other things reach with the same image. Queries differ, too: all texts share a
direction, and the less of a text lies along it, the further its cosines with unrelated images
scatter. `Common` corrects for both, from the texts alone. How often chance reaches such a score is
read from the index itself: `ChanceTail` holds the highest scores of background sentences with a
sample of its images. Of p-values so found, the procedure of Benjamini and Hochberg ("Controlling
the False Discovery Rate", J. R. Stat. Soc. B 57, 1995) keeps those of which an expected share of at
most the false rate is there by chance; if nothing fits the query, it keeps something in at most
that share of searches.

The sentences that estimate an image's centre and spread are not those that the tail is made of:
of scores that were standardised by themselves, none is ever far out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .background import mean_and_spread

SAMPLE = 2000
"""images whose scores make a tail: with 500 sentences, a million of them"""
_KEPT = 8192
"""highest scores that are kept one by one"""
_BLOCK = 256
_LEAST_ACROSS = 1e-4
DEFAULT_FALSE_RATE = 0.05
UNRELIABLE = 4.0
"""times the false rate: if so large a share of sentences about other things finds something, the
model does not carry the cut-off"""
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChanceTail:
    """Calibrated scores of background sentences: float32, descending, the highest of `total`.

    `absent` is the share of those sentences that find something in the sample at 5 %.
    """

    highest: Values
    total: int
    absent: float

    def probability(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return how often chance reaches each score, at least 1 / (total + 1)."""
        ascending = self.highest[::-1]
        above = len(ascending) - np.searchsorted(ascending, scores, side="left")
        counted = (above + 1) / (self.total + 1)
        return np.where(above < len(ascending), counted, 1.0)


@dataclass(frozen=True, slots=True)
class Common:
    """The direction that texts share, float32 (dimension,) of unit length.

    `along` and `across` are how much of a background sentence lies along it, and across it.
    """

    direction: Values
    along: float
    across: float

    def standardised(self, vectors: Values) -> tuple[Values, Values]:
        """Return vectors and weights for calibrated scores of texts, or of sums of texts.

        `vectors` is float32 (texts, dimension). Cosines of unrelated images then scatter alike,
        and about the centre that the weight says.
        """
        along = vectors @ self.direction
        across = np.sqrt(np.maximum((vectors**2).sum(axis=1) - along**2, _LEAST_ACROSS))
        scale = (self.across / across).astype(np.float32)
        return vectors * scale[:, None], (scale * along / self.along).astype(np.float32)


def common_of(background: Values) -> Common:
    """Return what background sentences, float32 (sentences, dimension), have in common."""
    mean = background.mean(axis=0)
    length = max(float(np.linalg.norm(mean)), 1e-3)
    direction = (mean / length).astype(np.float32)
    along = background @ direction
    across = np.sqrt(np.maximum(1.0 - along**2, _LEAST_ACROSS))
    return Common(direction, max(float(np.median(along)), 1e-3), float(np.median(across)))


def chance_tail(vectors: Values, background: Values) -> ChanceTail:
    """Return the tail of an index from a sample of its vectors, float32 (images, dimension).

    `background` is float32 (sentences, dimension), both of unit length. Every other sentence
    calibrates, the rest makes the tail.
    """
    mean, spread = mean_and_spread(vectors, background[::2])
    others, weights = common_of(background[::2]).standardised(background[1::2])
    highest = np.zeros(0, np.float32)
    best: list[Values] = []
    for start in range(0, len(others), _BLOCK):
        block = slice(start, start + _BLOCK)
        part = (vectors @ others[block].T - mean[:, None] * weights[block]) / spread[:, None]
        best.append(part.max(axis=0))
        highest = _highest(np.concatenate([highest, part.ravel()]))
    tail = ChanceTail(highest, len(vectors) * len(others), 0.0)
    return ChanceTail(tail.highest, tail.total, _absent(tail, np.concatenate(best), len(vectors)))


def passing(probabilities: NDArray[np.float64], total: int, false_rate: float) -> int:
    """Return how many of ascending p-values pass (Benjamini and Hochberg) among `total`.

    Those that are not listed are larger than all that are.
    """
    allowed = false_rate * np.arange(1, len(probabilities) + 1) / max(total, 1)
    passed = np.flatnonzero(probabilities <= allowed)
    return int(passed[-1]) + 1 if len(passed) else 0


def _highest(scores: Values) -> Values:
    kept = min(len(scores), _KEPT)
    if kept < len(scores):
        scores = np.partition(scores, len(scores) - kept)[-kept:]
    return np.sort(scores)[::-1].astype(np.float32)


def _absent(tail: ChanceTail, best: Values, images: int) -> float:
    """Return the share of sentences whose best image alone passes at the default false rate."""
    if not len(best) or not images:
        return 0.0
    return float((tail.probability(best) <= DEFAULT_FALSE_RATE / images).mean())
