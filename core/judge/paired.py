"""Whether two sets of answers about the same items differ: test, interval, correction.

Each item gives a row of sums for A and one for B, and a score is a function of the rows added up:
the mean of a figure, but also a score of a whole corpus, as BLEU. Items of one source depend on
each other, so their rows are added up first: a source is one cluster.

test        sign-flip permutation test, two-sided: A and B are exchanged in every cluster or not,
            in all ways (up to 12 clusters) or in 10,000 random ones. R. A. Fisher, "The Design of
            Experiments", 1935, section 21; for corpus scores "approximate randomization", E. W.
            Noreen, "Computer-Intensive Methods for Testing Hypotheses", 1989
interval    bootstrap over clusters, 2,000 times; percentiles at levels that are widened for few
            clusters. T. C. Hesterberg, "What Teachers Should Know About the Bootstrap", The
            American Statistician 69, 2015, section 5.3 (expanded percentile interval)
correction  S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
            Journal of Statistics 6, 1979
detectable  the difference that a test at 5 % finds in 80 % of cases, from the standard error: J.
            Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988, chapter 2
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import atan, cos, pi, sin, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ..protocol.comparisons import LEAST_CLUSTERS, Better, PairedMetric

EXACT_CLUSTERS = 12
FLIPS = 10_000
RESAMPLES = 2_000
FEWER_FLIPS_FROM = 2_000
"""clusters from which on as many flips as resamples are drawn"""
AT_ONCE = 2_000_000
"""random numbers in memory at once"""
CONFIDENCE, POWER = 0.95, 0.8
Values = NDArray[np.float64]
Scorer = Callable[[Values], Values]
"""from sums (..., columns) to scores (...)"""


def mean(sums: Values) -> Values:
    """Return the mean of values; `sums` are (..., 2): their sum and their number."""
    with np.errstate(invalid="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric: rows of sums for A and B, both (items, columns), and what scores them added up.

    An item that lacks it in one of both has zeros in both.
    """

    name: str
    first: Values
    second: Values
    score: Scorer = mean
    better: Better = "higher"
    made_by: str = ""


def averaged(
    name: str, first: Sequence[float | None], second: Sequence[float | None],
    better: Better = "higher", made_by: str = "",
) -> Measured:  # fmt: skip
    """Return the mean of a figure as a metric; items that lack it in one of both are left out."""
    pairs = list(zip(first, second, strict=True))
    both = [a is not None and b is not None for a, b in pairs]
    rows = [
        [(each[side] or 0.0, 1.0) if is_there else (0.0, 0.0)
         for each, is_there in zip(pairs, both, strict=True)]
        for side in (0, 1)
    ]  # fmt: skip
    one, other = (np.array(each, np.float64).reshape(-1, 2) for each in rows)
    return Measured(name, one, other, better=better, made_by=made_by)


def compared(
    metrics: Sequence[Measured], clusters: Sequence[Hashable], seed: int = 0
) -> tuple[PairedMetric, ...]:
    """Compare A with B by each metric; `clusters` names the source of each item."""
    if not metrics:
        return ()
    first, second = (
        _added(np.hstack([getattr(each, side) for each in metrics]), clusters)
        for side in ("first", "second")
    )
    flipped = list(_flipped(first, second, seed))
    drawn = list(_resampled(first, second, seed))
    found, column = [], 0
    for metric in metrics:
        own = slice(column, column + metric.first.shape[1])
        column = own.stop
        found.append(_compared(metric, (first[:, own], second[:, own]), own, flipped, drawn))
    return holm(found)


def holm(found: Sequence[PairedMetric]) -> tuple[PairedMetric, ...]:
    """Return metrics with their p values adjusted for all tests among them."""
    tested = sorted((each.p, n) for n, each in enumerate(found) if each.p is not None)
    adjusted, least = list(found), 0.0
    for rank, (p, n) in enumerate(tested):
        least = max(least, min(1.0, p * (len(tested) - rank)))
        adjusted[n] = replace(found[n], adjusted=least)
    return tuple(adjusted)


Pair = tuple[Values, Values]


def _compared(
    metric: Measured, sums: Pair, own: slice, flipped: Sequence[Pair], drawn: Sequence[Pair]
) -> PairedMetric:
    count = int(np.any((metric.first != 0) | (metric.second != 0), axis=1).sum())
    there = np.any((sums[0] != 0) | (sums[1] != 0), axis=1)
    clusters = int(there.sum())
    first, second = (float(metric.score(each.sum(axis=0))) for each in sums)
    if not count or np.isnan(first) or np.isnan(second):
        return PairedMetric(metric.name, count, clusters, None, None, None, better=metric.better)
    made = PairedMetric(
        metric.name, count, clusters, first, second, second - first,
        better=metric.better, made_by=metric.made_by,
    )  # fmt: skip
    if clusters < LEAST_CLUSTERS:
        return made
    if np.array_equal(sums[0], sums[1]):
        return replace(made, p=1.0)
    tested = _p(_differences(metric, flipped, own), second - first)
    low, high, error = _interval(_differences(metric, drawn, own), clusters)
    reach = t_quantile((1 + CONFIDENCE) / 2, clusters - 1) + t_quantile(POWER, clusters - 1)
    return replace(made, p=tested, low=low, high=high, detectable=reach * error)


def _differences(metric: Measured, sums: Sequence[Pair], own: slice) -> Values:
    parts = [metric.score(b[:, own]) - metric.score(a[:, own]) for a, b in sums]
    found = np.concatenate(parts)
    return found[~np.isnan(found)]


def _p(flips: Values, observed: float) -> float:
    """Return the share of flips as extreme as what was observed, which is one of them."""
    as_extreme = int((np.abs(flips) >= abs(observed) * (1 - 1e-9) - 1e-12).sum())
    return as_extreme / len(flips)


def _interval(draws: Values, clusters: int) -> tuple[float, float, float]:
    """Return both ends of the interval, and the standard error of the difference."""
    wide = sqrt(clusters / (clusters - 1))
    level = NormalDist().cdf(-wide * t_quantile((1 + CONFIDENCE) / 2, clusters - 1))
    low, high = np.quantile(draws, [level, 1 - level])
    return float(low), float(high), float(draws.std()) * wide


def _added(rows: Values, clusters: Sequence[Hashable]) -> Values:
    """Return the rows of each cluster added up, (clusters, columns)."""
    numbers: dict[Hashable, int] = {}
    of = np.array([numbers.setdefault(each, len(numbers)) for each in clusters], np.int64)
    added = np.zeros((len(numbers), rows.shape[1]))
    np.add.at(added, of, rows)
    return added


def _flipped(first: Values, second: Values, seed: int) -> Iterator[Pair]:
    """Yield sums of A and B with some clusters exchanged; the first row has none exchanged."""
    gain = second - first
    for swaps in _swaps(len(first), seed):
        moved = swaps @ gain
        yield first.sum(axis=0) + moved, second.sum(axis=0) - moved


def _swaps(clusters: int, seed: int) -> Iterator[Values]:
    """Yield which clusters are exchanged: 0 or 1, (ways, clusters)."""
    if clusters <= EXACT_CLUSTERS:
        ways = np.arange(2**clusters)[:, None] >> np.arange(clusters)[None, :]
        yield (ways & 1).astype(np.float64)
        return
    generator = np.random.default_rng(seed)
    yield np.zeros((1, clusters))
    for count in _parts(FLIPS if clusters < FEWER_FLIPS_FROM else RESAMPLES, clusters):
        yield generator.integers(0, 2, (count, clusters), np.int8).astype(np.float64)


def _resampled(first: Values, second: Values, seed: int) -> Iterator[Pair]:
    """Yield sums of A and B over clusters drawn with replacement."""
    clusters = len(first)
    generator = np.random.default_rng(seed + 1)
    for count in _parts(RESAMPLES, clusters):
        drawn = generator.integers(0, clusters, (count, clusters))
        places = drawn + np.arange(count)[:, None] * clusters
        times = np.bincount(places.ravel(), minlength=count * clusters)
        weights = times.reshape(count, clusters).astype(np.float64)
        yield weights @ first, weights @ second


def _parts(total: int, clusters: int) -> Iterator[int]:
    size = max(1, AT_ONCE // max(clusters, 1))
    for start in range(0, total, size):
        yield min(size, total - start)


def t_quantile(share: float, degrees: int) -> float:
    """Return the quantile of Student's t distribution, for a share from 0.5 on."""
    low, high = 0.0, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < 2 * share - 1 else (low, middle)
    return high


def _within(t: float, degrees: int) -> float:
    """Return the probability of a value between -t and t.

    M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and 26.7.4.
    """
    angle = atan(t / sqrt(degrees))
    odd = degrees % 2
    term, total = (cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(odd, degrees - 1, 2):
        total += term
        term *= cos(angle) ** 2 * (k + 1) / (k + 2)
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
