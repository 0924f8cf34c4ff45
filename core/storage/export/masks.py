"""Masks as run lengths (COCO's uncompressed ones), as arrays and as polygons.

Run lengths go down the columns, zeros first; `size` is height, width. Models give masks at the size
of the frame they were shown; resizing takes the nearest pixel, each axis by itself, and works on
the runs, so that a large image costs no more than the mask's outline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

RunLengths = Mapping[str, Any]
"""`size` (height, width) and `counts`"""
Mask = NDArray[np.bool_]


def decoded(runs: RunLengths) -> Mask:
    """Return the mask, bool (height, width). Raises ValueError where counts and size disagree."""
    height, width = (int(each) for each in runs["size"])
    counts = np.asarray(runs["counts"], np.int64)
    if counts.sum() != height * width or (counts < 0).any():
        raise ValueError(f"run lengths do not fill {width} x {height} pixels")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    mask: Mask = flat.reshape((height, width), order="F")
    return mask


def resized(runs: RunLengths, height: int, width: int) -> dict[str, Any]:
    """Return the run lengths of a mask at another size. Raises ValueError as `decoded` does."""
    if [height, width] == list(runs["size"]):
        return {"size": [height, width], "counts": [int(each) for each in runs["counts"]]}
    return {"size": [height, width], "counts": _counts(decoded(runs), height, width)}


def area(runs: RunLengths) -> int:
    """Return how many pixels a mask covers."""
    return int(sum(runs["counts"][1::2]))


def _counts(mask: Mask, height: int, width: int) -> list[int]:
    padded = np.zeros((mask.shape[0] + 2, mask.shape[1]), np.int8)
    padded[1:-1] = mask
    columns, rows = np.nonzero(np.diff(padded, axis=0).T)
    first = _starts(mask.shape[1], width)
    last = first[1:][columns] - first[:-1][columns]
    edges = _starts(mask.shape[0], height)[rows]
    flat = _spread(first[:-1][columns], last, edges, height)
    changes = _without_pairs(flat)
    counts: list[int] = np.diff(np.concatenate([[0], changes, [height * width]])).tolist()
    return counts if counts[-1] or len(counts) == 1 else counts[:-1]


def _starts(size: int, wanted: int) -> NDArray[np.int64]:
    """Return where each pixel of an axis of `size` begins in one of `wanted`, and the end.

    A pixel there shows the one that its centre lies in.
    """
    edges = np.arange(size + 1, dtype=np.int64)
    return -((wanted * -2 * edges + size) // (2 * size))


def _spread(
    first: NDArray[np.int64], count: NDArray[np.int64], edges: NDArray[np.int64], height: int
) -> NDArray[np.int64]:
    """Return the flat places of edges in each of the `count` columns from `first` on."""
    inside = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return (np.repeat(first, count) + inside) * height + np.repeat(edges, count)


def _without_pairs(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the values that occur an odd number of times: where two edges meet there is none."""
    values, counts = np.unique(places, return_counts=True)
    once: NDArray[np.int64] = values[counts % 2 == 1]
    return once
