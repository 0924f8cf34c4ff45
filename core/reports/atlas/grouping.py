"""Principal components and k-means, in NumPy, the same result each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
COMPONENTS = 50
"""directions in which groups are sought"""
SAMPLE = 5000
TRIED_POINTS = 2000
"""by which the number of groups is chosen"""
ROUNDS = 15
MOST_GROUPS = 40
LEAST_PER_GROUP = 3
STARTS = 8
_TRIED = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 24, 28, 33, MOST_GROUPS)
_SEED = 0


def principal(vectors: Matrix, components: int = COMPONENTS) -> tuple[Matrix, NDArray[np.float64]]:
    """Return coordinates, float32 (rows, at most `components`), and each one's share of variance.

    Directions are computed from at most `SAMPLE` rows. The greatest part of each direction is
    positive, so its sign does not depend on the machine.
    """
    middle = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    sample = vectors[_chosen(len(vectors), SAMPLE)] - middle
    _, lengths, directions = np.linalg.svd(sample.astype(np.float64), full_matrices=False)
    directions = directions[:components]
    rows = np.arange(len(directions))
    signs = np.sign(directions[rows, np.abs(directions).argmax(axis=1)])
    directions = directions * np.where(signs == 0, 1, signs)[:, None]
    shares = lengths**2 / max(float((lengths**2).sum()), 1e-12)
    points = (vectors - middle) @ directions.T.astype(np.float32)
    return points.astype(np.float32), shares[:components]


def groups_for(points: Matrix) -> int:
    """Return the number of groups that separates points best, from 1 to `MOST_GROUPS`.

    That with the greatest mean simplified silhouette (Hruschka, Campello and de Castro, 2004):
    1 - a / b, where a is the distance of a point to the middle of its group, and b that to the
    nearest other one.
    """
    sample = points[_chosen(len(points), TRIED_POINTS)]
    tried = [groups for groups in _TRIED if groups <= len(sample) / LEAST_PER_GROUP]
    scores = {groups: _silhouette(sample, _centres(sample, groups)) for groups in tried}
    return max(scores, key=lambda groups: (round(scores[groups], 3), -groups), default=1)


def k_means(points: Matrix, groups: int) -> NDArray[np.int64]:
    """Return the group of each point, int64 (points,), numbered from 0, the largest first.

    Groups are found in a sample; those without points are left out.
    """
    centres = _centres(points[_chosen(len(points), SAMPLE)], min(groups, len(points)))
    found = _nearest(points, centres)
    counts = np.bincount(found, minlength=len(centres))
    order = np.argsort(-counts, kind="stable")
    numbers = np.empty(len(centres), np.int64)
    numbers[order] = np.arange(len(centres))
    return np.asarray(numbers[found])


def _centres(sample: Matrix, groups: int) -> Matrix:
    """Return the middles of groups: of `STARTS` tries that with the least squared distances.

    k-means++ (Arthur and Vassilvitskii, 2007), then Lloyd's algorithm.
    """
    draw = np.random.default_rng(_SEED)
    tries = [_settled(sample, _first_centres(sample, groups, draw)) for _ in range(STARTS)]
    return min(tries, key=lambda centres: float(_distances(sample, centres).min(axis=1).sum()))


def _settled(sample: Matrix, centres: Matrix) -> Matrix:
    for _ in range(ROUNDS):
        moved = _middles(sample, _nearest(sample, centres), centres)
        if np.allclose(moved, centres):
            break
        centres = moved
    return centres


def _silhouette(sample: Matrix, centres: Matrix) -> float:
    if len(centres) < 2:
        return 0.0
    nearest = np.sort(np.sqrt(_distances(sample, centres)), axis=1)[:, :2]
    return float((1 - nearest[:, 0] / np.maximum(nearest[:, 1], 1e-12)).mean())


def _distances(points: Matrix, centres: Matrix) -> NDArray[np.float64]:
    """Return squared distances, float64 (points, centres)."""
    inner = points @ centres.T
    squares = (points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * inner
    return np.asarray(np.maximum(squares, 0.0), np.float64)


def _chosen(count: int, most: int) -> NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(_SEED).choice(count, most, replace=False))


def _first_centres(points: Matrix, groups: int, draw: np.random.Generator) -> Matrix:
    centres = [points[int(draw.integers(len(points)))]]
    apart = _squared(points, centres[0])
    while len(centres) < groups and apart.sum() > 0:
        centres.append(points[int(draw.choice(len(points), p=apart / apart.sum()))])
        apart = np.minimum(apart, _squared(points, centres[-1]))
    return np.array(centres)


def _squared(points: Matrix, centre: Matrix) -> NDArray[np.float64]:
    apart = points - centre
    return np.asarray(np.einsum("nd,nd->n", apart, apart), np.float64)


def _nearest(points: Matrix, centres: Matrix) -> NDArray[np.int64]:
    return np.asarray(((centres**2).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1))


def _middles(points: Matrix, nearest: NDArray[np.int64], centres: Matrix) -> Matrix:
    belongs = (nearest == np.arange(len(centres))[:, None]).astype(np.float32)
    counts = belongs.sum(axis=1)[:, None]
    return np.where(counts > 0, belongs @ points / np.maximum(counts, 1), centres)
