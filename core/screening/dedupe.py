"""Near-duplicates by perceptual hash.

The hash is the difference hash: the picture reduced to 9 x 8 cells, one bit for each pair of
neighbours, telling whether brightness rises to the right (N. Krawetz, "Kind of Like That", 2013,
hackerfactor.com). It stays the same under resizing, recompression and changes of brightness.
Of a video, one frame a second is hashed; where duplicates are excluded from models, each frame that
models would be shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..config.section import Section
from ..records import SourceKind
from .stage import FrameFault, ScreeningStage, SeenFrames, Series, Window
from .strides import rows_measured

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
    faults: ClassVar[tuple[str, ...]] = ("duplicate",)
    compares: ClassVar[bool] = True
    context = 1

    def infer(self, window: Window) -> NDArray[np.float32]:
        """Hash the first frame of each second, or each that is gated; other frames are NaN."""
        out = np.full((window.count, len(self.columns)), np.nan, np.float32)
        for row in rows_measured(window, self.gated):
            out[row] = split(difference_hash(window.own_luma[row]))
        return out

    def find_faults(
        self, track: Series, passed: NDArray[np.bool_], seen: SeenFrames
    ) -> Iterator[FrameFault]:
        """Yield the frames that are like one which models are shown, and name that one.

        Compared are only frames that no other gate keeps away: a sharp frame is shown although a
        blurred one before it is like it. What is like a duplicate alone is shown again, so slow
        changes do not hide what they lead to.
        """
        known: KnownHashes = seen.kept.setdefault(self.name, KnownHashes())
        most = self.spec.settings(Dedupe).distance_bits
        rows = np.flatnonzero(passed & ~np.isnan(track.values[:, 0]))
        hashes = joined(track.values[rows])
        for row, value in zip(rows.tolist(), hashes, strict=True):
            like = known.nearest(value, most)
            if like is None:
                known.add(value, seen.name(track, row))
            else:
                yield FrameFault(row, "duplicate", f"like {like}")


class KnownHashes:
    """Hashes of frames in order, with a name for each; the array doubles when it is full."""

    def __init__(self) -> None:
        self._hashes = np.zeros(64, np.uint64)
        self._names: list[str] = []

    def add(self, value: np.uint64, name: str) -> None:
        """Take one more."""
        if len(self._names) == len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
        self._hashes[len(self._names)] = value
        self._names.append(name)

    def nearest(self, value: np.uint64, most_bits: int) -> str | None:
        """Return the name of the nearest within `most_bits`, of several the first."""
        if not self._names:
            return None
        apart = np.bitwise_count(self._hashes[: len(self._names)] ^ value)
        best = int(apart.argmin())
        return self._names[best] if apart[best] <= most_bits else None


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
