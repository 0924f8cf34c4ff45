"""Which file of a group is suggested to be kept, and groups around such files.

A group has the file that is kept, and files that are near that one: not files that are only linked
to it by steps, as the first and the last picture of a time-lapse are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...storage.media_files import MediaFile
from ...text import byte_size
from ...times import timecode

Near = Callable[[int, NDArray[np.int64]], NDArray[np.bool_]]
"""which of some items are near one"""


def preference(file: MediaFile) -> tuple[float, int, int, int, str]:
    """Return a key that sorts the file to keep first: longest, largest picture, largest file."""
    pixels = file.width * file.height
    return -round(file.seconds), -pixels, -file.size_bytes, len(file.path), file.path


def reason(kept: MediaFile, others: Sequence[MediaFile]) -> str:
    """Return why a file is suggested rather than the others: by what it differs from most."""
    length, pixels, size, *_ = preference(kept)
    if any(preference(each)[0] != length for each in others):
        return f"longest: {timecode(kept.seconds)}"
    if any(preference(each)[1] != pixels for each in others):
        return f"highest resolution: {kept.width}x{kept.height}"
    if any(preference(each)[2] != size for each in others):
        return f"largest file: {byte_size(kept.size_bytes)}"
    if any(len(each.path) != len(kept.path) for each in others):
        return "equal; shortest path"
    return "equal; first by name"


def stars(preferred: Sequence[int], near: Near) -> Iterator[list[int]]:
    """Yield groups: an item, and all left that are near it; items are taken in the given order."""
    left = np.array(preferred, np.int64)
    while len(left) > 1:
        kept, left = int(left[0]), left[1:]
        is_near = near(kept, left)
        if is_near.any():
            yield [kept, *left[is_near].tolist()]
            left = left[~is_near]


def components(count: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> list[list[int]]:
    """Return groups of two or more items that pairs link, each ascending."""
    labels = np.arange(count)
    while len(left):
        low = np.minimum(labels[left], labels[right])
        before = labels.copy()
        np.minimum.at(labels, left, low)
        np.minimum.at(labels, right, low)
        labels = labels[labels]
        if np.array_equal(before, labels):
            break
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    groups = [group.tolist() for group in np.split(order, starts[1:])] if count else []
    return [group for group in groups if len(group) > 1]
