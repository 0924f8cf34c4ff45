"""Groups of 64-bit hashes that are linked by steps of few differing bits, found exactly.

Equal hashes are collapsed first. Two hashes that differ by at most d bits differ by at most d // 4
in one of their four 16-bit bands (pigeonhole principle; "multi-index hashing", Norouzi, Punjani and
Fleet, CVPR 2012), so only hashes whose bands agree up to that are compared. Where that would be too
many comparisons (a large distance, or a large share of nearly equal hashes), groups are flooded
instead: each hash is compared once with those that belong to no group yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]
BAND_BITS = 16
BANDS = 4
MOST_FLIPS = 2
"""bits of a band that are tried flipped; from 12 differing bits on it would take more"""
PAIRS_PER_HASH = 1000
"""comparisons per hash beyond which flooding is cheaper"""
BLOCK = 2_000_000
"""pairs compared at once: 48 MB"""


def alike(hashes: Hashes, distance_bits: int) -> list[list[int]]:
    """Return groups of rows whose hashes are linked by steps of at most `distance_bits`.

    `hashes` is uint64 (n,). Groups are in order of their first row, rows ascending; groups of one
    are left out.
    """
    unique, of_row = np.unique(hashes, return_inverse=True)
    labels = _labels(unique, distance_bits)[of_row]
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    groups = (group.tolist() for group in np.split(order, starts[1:]))
    return sorted(group for group in groups if len(group) > 1)


def near_pairs(unique: Hashes, distance_bits: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield rows (left, right), left before right, whose hashes differ by at most `distance_bits`.

    `unique` is uint64 (n,), each value once. A pair may come more than once.
    """
    flips = distance_bits // BANDS
    if flips > MOST_FLIPS or _pairs_to_compare(unique, flips) > PAIRS_PER_HASH * len(unique):
        yield from _pairs_of_all(unique, distance_bits)
        return
    for left, right in _near_pairs(unique, distance_bits, flips):
        ordered = left < right
        yield left[ordered], right[ordered]


def _pairs_of_all(unique: Hashes, distance: int) -> Iterator[tuple[Rows, Rows]]:
    rows = max(BLOCK // max(len(unique), 1), 1)
    for first in range(0, len(unique), rows):
        apart = np.bitwise_count(unique[first : first + rows, None] ^ unique[None, first:])
        left, right = np.nonzero(apart <= distance)
        ordered = left < right
        yield left[ordered] + first, right[ordered] + first


def _labels(unique: Hashes, distance: int) -> Rows:
    """Return a number for each hash; linked hashes have the same."""
    own = np.arange(len(unique))
    if distance == 0 or len(unique) < 2:
        return own
    flips = distance // BANDS
    if flips > MOST_FLIPS or _pairs_to_compare(unique, flips) > PAIRS_PER_HASH * len(unique):
        return _flooded(unique, distance)
    for left, right in _near_pairs(unique, distance, flips):
        own = _linked(own, left, right)
    return own


def _bands(unique: Hashes) -> Iterator[tuple[Rows, Hashes]]:
    """Yield for each band the rows sorted by it, and its values in that order."""
    for band in range(BANDS):
        values = (unique >> np.uint64(BAND_BITS * band)) & np.uint64(0xFFFF)
        order = np.argsort(values, kind="stable")
        yield order, values[order]


def _masks(flips: int) -> list[np.uint64]:
    """Return every 16-bit number with at most `flips` bits set."""
    chosen = (c for count in range(flips + 1) for c in combinations(range(BAND_BITS), count))
    return [np.uint64(sum(1 << bit for bit in bits)) for bits in chosen]


def _pairs_to_compare(unique: Hashes, flips: int) -> int:
    return sum(
        int((high - low).sum())
        for _, values in _bands(unique)
        for low, high in _ranges(values, flips)
    )


def _ranges(values: Hashes, flips: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield, for each mask, where in the sorted values those of each flipped value lie."""
    for mask in _masks(flips):
        wanted = values ^ mask
        yield np.searchsorted(values, wanted, "left"), np.searchsorted(values, wanted, "right")


def _near_pairs(unique: Hashes, distance: int, flips: int) -> Iterator[tuple[Rows, Rows]]:
    for order, values in _bands(unique):
        for low, high in _ranges(values, flips):
            for left, right in _blocks(low, high):
                one, other = order[left], order[right]
                near = np.bitwise_count(unique[one] ^ unique[other]) <= distance
                yield one[near], other[near]


def _blocks(low: Rows, high: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield the pairs (n, each of low[n] to high[n] - 1), in blocks of about `BLOCK`."""
    counts = high - low
    block = np.cumsum(counts) // BLOCK
    for rows in np.split(np.arange(len(counts)), np.flatnonzero(np.diff(block)) + 1):
        own = counts[rows]
        left = np.repeat(rows, own)
        inside = np.arange(len(left)) - np.repeat(np.cumsum(own) - own, own)
        yield left, np.repeat(low[rows], own) + inside


def _linked(labels: Rows, left: Rows, right: Rows) -> Rows:
    """Return the labels with those of each pair joined: the lesser replaces the greater."""
    while True:
        one, other = labels[left], labels[right]
        apart = one != other
        if not apart.any():
            return labels
        left, right, one, other = left[apart], right[apart], one[apart], other[apart]
        joined = np.arange(len(labels))
        np.minimum.at(joined, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(joined[joined], joined):
            joined = joined[joined]
        labels = joined[labels]


def _flooded(unique: Hashes, distance: int) -> Rows:
    """Return labels by comparing each hash once with those that belong to no group yet."""
    labels = np.zeros(len(unique), np.int64)
    left = np.arange(len(unique))
    number = 0
    while len(left):
        frontier, left, number = [int(left[0])], left[1:], number + 1
        while frontier and len(left):
            row = frontier.pop()
            labels[row] = number
            near = np.bitwise_count(unique[left] ^ unique[row]) <= distance
            frontier += left[near].tolist()
            left = left[~near] if near.any() else left
        labels[frontier] = number
    return labels
