"""Videos of which one is a copy, or a cut, of the other: several frames of both are near, in time.

Each second of a video has a hash (stage `dedupe`). Two videos are compared at the offset in time at
which most of their distinct frames are near each other. They are near-duplicates if most seconds
of the shorter one lie within the other then, most of these are near, and at least `DISTINCT` of
them show something different: recordings of one fixed camera have near frames at any offset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...screening.dedupe import DedupeStage, joined
from ...screening.near_hashes import near_pairs
from ...storage.library import Library
from ...storage.media_files import FrameRows, MediaFile
from .hashes import Hashes, is_flat

DISTINCT = 3
COVERED = 0.8
"""share of the shorter video that must lie within the other"""
MATCHED = 0.6
"""share of the seconds in both that must be near"""
WINDOW_SECONDS = 1.5
"""offsets that count as one: the hashed frames of both lie up to a second apart"""
NEAREST_SECONDS = 0.75
MOST_ALIKE = 1000
"""frames of all videos with one hash; a title that more of them show tells nothing"""
Seconds = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class HashedVideo:
    """A video with a hash for each second that is not flat: (seconds,) both."""

    file: MediaFile
    seconds: Seconds
    hashes: Hashes


@dataclass(frozen=True, slots=True)
class Aligned:
    """Video `left` shows at t what `right` shows at t + offset; `distance` is the mean in bits."""

    left: int
    right: int
    offset: float
    distance: float


def hashed_videos(library: Library, files: Sequence[MediaFile], bits: int) -> list[HashedVideo]:
    """Return those of some files that are videos with a hash."""
    own = [file for file in files if file.kind == "video"]
    contents = sorted({file.content for file in own})
    rows = dict(library.media.video_rows(DedupeStage.name, DedupeStage.version, contents))
    return [_hashed(file, rows[file.content], bits) for file in own if file.content in rows]


def _hashed(file: MediaFile, rows: FrameRows, bits: int) -> HashedVideo:
    columns = len(DedupeStage.columns)
    if rows.values.shape[1] != columns:
        return HashedVideo(file, np.zeros(0), np.zeros(0, np.uint64))
    measured = np.flatnonzero(np.isfinite(rows.values[:, 0]))
    # Where models are gated by duplicates, more than one frame a second is measured.
    _, first = np.unique(np.floor(rows.seconds[measured] + 1e-6), return_index=True)
    chosen = measured[first]
    hashes = joined(rows.values[chosen])
    usable = ~is_flat(hashes, bits)
    return HashedVideo(file, rows.seconds[chosen][usable], hashes[usable])


def aligned_videos(videos: Sequence[HashedVideo], bits: int) -> list[Aligned]:
    """Return the pairs of videos of which one is a copy or a cut of the other."""
    found = (
        _aligned(videos, left, right, offsets, bits)
        for left, right, offsets in _offsets_by_pair(videos, bits)
    )
    return [each for each in found if each is not None]


def _offsets_by_pair(
    videos: Sequence[HashedVideo], bits: int
) -> Iterator[tuple[int, int, Seconds]]:
    """Yield (left, right, offsets in seconds of pairs of near frames) of videos with some."""
    owners, seconds, hashes = _distinct_frames(videos, bits)
    blocks = list(_pairs_of_frames(owners, hashes, bits))
    if not blocks:
        return
    one, other = (np.concatenate(side) for side in zip(*blocks, strict=True))
    swap = owners[one] > owners[other]
    one, other = np.where(swap, other, one), np.where(swap, one, other)
    pairs = owners[one] * len(videos) + owners[other]
    order = np.argsort(pairs, kind="stable")
    starts = np.flatnonzero(np.diff(pairs[order], prepend=-1))
    offsets = (seconds[other] - seconds[one])[order]
    for rows, part in zip(np.split(order, starts[1:]), np.split(offsets, starts[1:]), strict=True):
        if len(rows) >= DISTINCT:
            yield int(owners[one[rows[0]]]), int(owners[other[rows[0]]]), part


def _distinct_frames(videos: Sequence[HashedVideo], bits: int) -> tuple[Rows, Seconds, Hashes]:
    """Return the first frame of each stretch of near ones: video, seconds and hash of each."""
    kept = [_first_of_stretches(video.hashes, bits) for video in videos]
    owners = np.repeat(np.arange(len(videos)), [len(rows) for rows in kept])
    seconds = [video.seconds[rows] for video, rows in zip(videos, kept, strict=True)]
    hashes = [video.hashes[rows] for video, rows in zip(videos, kept, strict=True)]
    if not videos:
        return owners, np.zeros(0), np.zeros(0, np.uint64)
    return owners, np.concatenate(seconds), np.concatenate(hashes)


def _first_of_stretches(hashes: Hashes, bits: int) -> Rows:
    rows: list[int] = []
    last = 0
    for row, value in enumerate(hashes.tolist()):
        if not rows or (value ^ last).bit_count() > bits:
            rows.append(row)
            last = value
    return np.array(rows, np.int64)


def _pairs_of_frames(owners: Rows, hashes: Hashes, bits: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield pairs of near frames of different videos."""
    order = np.argsort(hashes, kind="stable")
    unique, first, counts = np.unique(hashes[order], return_index=True, return_counts=True)
    distinct = np.flatnonzero(counts <= MOST_ALIKE)
    unique, first, counts = unique[distinct], first[distinct], counts[distinct]
    own = np.arange(len(unique))
    for left, right in ((own, own), *near_pairs(unique, bits)):
        one, other = _crossed(first, counts, left, right)
        differ = owners[order[one]] != owners[order[other]]
        if len(left) and left is right:
            differ &= one < other
        yield order[one[differ]], order[other[differ]]


def _crossed(first: Rows, counts: Rows, left: Rows, right: Rows) -> tuple[Rows, Rows]:
    """Return every pair of an occurrence of `left` and one of `right`, as places in the order."""
    sizes = counts[left] * counts[right]
    pair = np.repeat(np.arange(len(left)), sizes)
    inside = np.arange(len(pair)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    width = counts[right][pair]
    return first[left][pair] + inside // width, first[right][pair] + inside % width


def _aligned(
    videos: Sequence[HashedVideo], left: int, right: int, offsets: Seconds, bits: int
) -> Aligned | None:
    one, other = videos[left], videos[right]
    offset = _most_frequent(offsets)
    if _covered(one.file, other.file, offset) < COVERED:
        return None
    at = np.searchsorted(other.seconds, one.seconds + offset)
    before = np.maximum(at - 1, 0)
    at = np.minimum(at, len(other.seconds) - 1)
    gap_before = np.abs(other.seconds[before] - one.seconds - offset)
    gap = np.abs(other.seconds[at] - one.seconds - offset)
    nearest = np.where(gap_before < gap, before, at)
    in_both = np.minimum(gap, gap_before) <= NEAREST_SECONDS
    apart = np.bitwise_count(one.hashes[in_both] ^ other.hashes[nearest[in_both]])
    matched = apart <= bits
    if matched.sum() < max(MATCHED * len(apart), DISTINCT):
        return None
    if not _shows_enough(one.hashes[in_both][matched], bits):
        return None
    return Aligned(left, right, offset, float(apart[matched].mean()))


def _most_frequent(offsets: Seconds) -> float:
    """Return the median of the offsets in the window that holds most."""
    ordered = np.sort(offsets)
    ends = np.searchsorted(ordered, ordered + WINDOW_SECONDS, "right")
    best = int(np.argmax(ends - np.arange(len(ordered))))
    return float(np.median(ordered[best : ends[best]]))


def _covered(one: MediaFile, other: MediaFile, offset: float) -> float:
    """Return which share of the shorter video lies within the other."""
    start, end = max(0.0, -offset), min(one.seconds, other.seconds - offset)
    return (end - start) / max(min(one.seconds, other.seconds), 1e-3)


def _shows_enough(hashes: Hashes, bits: int) -> bool:
    """Return whether at least `DISTINCT` of some hashes are far from each other."""
    known: list[int] = []
    for value in hashes.tolist():
        if all((value ^ each).bit_count() > bits for each in known):
            known.append(value)
        if len(known) >= DISTINCT:
            return True
    return False
