"""Near-duplicates by perceptual hash.

The hash is the difference hash: the picture reduced to 9 x 8 cells, one bit for each pair of
neighbours, telling whether brightness rises to the right (N. Krawetz, "Kind of Like That", 2013,
hackerfactor.com). It stays the same under resizing, recompression and changes of brightness.
Of a video, one frame a second is hashed.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..config.section import Section
from ..records import SourceKind
from .stage import ScreeningStage, Window
from .strides import first_of_each_second

ROWS, COLUMNS = 8, 9


class Dedupe(Section):
    """Near-duplicates by perceptual hash."""

    distance_bits: int = Field(
        6, ge=0, le=32, description="near-duplicates: 64-bit hashes that differ by at most this"
    )


class DedupeStage(ScreeningStage):
    """Measures a 64-bit hash, kept in four columns of 16 bits (exact in float32)."""

    name: ClassVar[str] = "dedupe"
    version: ClassVar[int] = 3
    Settings: ClassVar[type[Section]] = Dedupe
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"video", "picture"})
    columns: ClassVar[tuple[str, ...]] = ("hash_a", "hash_b", "hash_c", "hash_d")
    context = 1

    def infer(self, window: Window) -> NDArray[np.float32]:
        """Hash the first frame of each second; other frames are NaN."""
        out = np.full((window.count, len(self.columns)), np.nan, np.float32)
        for row in first_of_each_second(window):
            out[row] = split(difference_hash(window.luma[window.before + row]))
        return out


def difference_hash(luma: NDArray[np.uint8]) -> int:
    """Return the 64-bit difference hash of a uint8 picture (height, width)."""
    height, width = luma.shape
    rows = np.linspace(0, height, ROWS + 1).astype(int)[:-1]
    columns = np.linspace(0, width, COLUMNS + 1).astype(int)[:-1]
    sums = np.add.reduceat(luma, rows, axis=0, dtype=np.float64)
    sums = np.add.reduceat(sums, columns, axis=1)
    spans = np.diff([*columns, width])
    means = sums / np.maximum(spans, 1)
    bits = (means[:, 1:] > means[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def split(value: int) -> list[float]:
    """Return a 64-bit hash as four 16-bit numbers."""
    return [float((value >> shift) & 0xFFFF) for shift in (48, 32, 16, 0)]


def joined(columns: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return hashes from their four columns: float32 (n, 4) to uint64 (n,)."""
    parts = columns.astype(np.uint64)
    hashes: NDArray[np.uint64] = (
        (parts[:, 0] << np.uint64(48))
        | (parts[:, 1] << np.uint64(32))
        | (parts[:, 2] << np.uint64(16))
        | parts[:, 3]
    )
    return hashes


def alike(hashes: NDArray[np.uint64], distance_bits: int) -> list[list[int]]:
    """Return groups of rows whose hashes are linked by steps of at most `distance_bits`.

    Compares every pair, in blocks that take at most 32 MiB; groups of one are left out.
    """
    parent = list(range(len(hashes)))
    block = max(1, 4_194_304 // max(len(hashes), 1))
    for start in range(0, len(hashes), block):
        rows = hashes[start : start + block, None] ^ hashes[None, :]
        near = np.argwhere(np.bitwise_count(rows) <= distance_bits)
        for row, other in near:
            _join(parent, start + int(row), int(other))
    groups: dict[int, list[int]] = {}
    for row in range(len(hashes)):
        groups.setdefault(_root(parent, row), []).append(row)
    return [group for group in groups.values() if len(group) > 1]


def _root(parent: list[int], row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row


def _join(parent: list[int], a: int, b: int) -> None:
    root_a, root_b = _root(parent, a), _root(parent, b)
    if root_a != root_b:
        parent[max(root_a, root_b)] = min(root_a, root_b)
