"""Pictures with near perceptual hashes, and pictures with the same pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...screening.dedupe import DedupeStage, joined
from ...screening.near_hashes import alike
from ...storage.library import Library
from ...storage.media_files import MediaFile
from .keeping import preference, stars

Hashes = NDArray[np.uint64]
HASH_BITS = 64
MOST_STRETCHED = 1.05
"""by which the proportions of near-duplicates may differ: dark pictures of different scenes may
have near hashes, and a copy has the proportions of its original"""
PIXEL_BITS = 2
"""by which hashes of equal pixels may differ"""


@dataclass(frozen=True)
class HashedPictures:
    """Pictures with their hashes, uint64 (pictures,)."""

    files: list[MediaFile]
    hashes: Hashes

    def only(self, wanted: NDArray[np.bool_]) -> HashedPictures:
        """Return those where `wanted`, bool (pictures,), is true."""
        files = [file for file, is_one in zip(self.files, wanted.tolist(), strict=True) if is_one]
        return HashedPictures(files, self.hashes[wanted])


def hashed(library: Library, files: Sequence[MediaFile]) -> HashedPictures:
    """Return those of some files that are pictures with a hash."""
    stage = DedupeStage
    contents, rows = library.media.picture_rows(stage.name, stage.version, len(stage.columns))
    sound = np.isfinite(rows).all(axis=1)
    of = dict(zip(np.array(contents, object)[sound].tolist(), joined(rows[sound]), strict=True))
    found = [file for file in files if file.kind == "picture" and file.content in of]
    return HashedPictures(found, np.array([of[each.content] for each in found], np.uint64))


def is_flat(hashes: Hashes, bits: int) -> NDArray[np.bool_]:
    """Return which hashes are of flat pictures, or of nothing but a ramp: bool (hashes,).

    They have hardly any bit set, or hardly any not set, and are like each other for that alone.
    """
    ones = np.bitwise_count(hashes).astype(int)
    return (ones <= bits) | (ones >= HASH_BITS - bits)


def near_groups(pictures: HashedPictures, bits: int) -> Iterator[list[tuple[MediaFile, int]]]:
    """Yield groups of pictures with the bits by which each differs from the first, the kept one.

    Their proportions are the same, too.
    """
    files, hashes = pictures.files, pictures.hashes
    shapes = np.array([max(file.width, 1) / max(file.height, 1) for file in files])

    def near(kept: int, others: NDArray[np.int64]) -> NDArray[np.bool_]:
        within = np.bitwise_count(hashes[others] ^ hashes[kept]) <= bits
        ratios = shapes[others] / shapes[kept]
        is_shaped = (ratios <= MOST_STRETCHED) & (ratios >= 1 / MOST_STRETCHED)
        return np.asarray(within & is_shaped)

    for linked in alike(hashes, bits):
        for group in stars(sorted(linked, key=lambda n: preference(files[n])), near):
            apart = np.bitwise_count(hashes[group] ^ hashes[group[0]]).tolist()
            yield [(files[n], int(by)) for n, by in zip(group, apart, strict=True)]


def that_may_be_equal(pictures: HashedPictures) -> list[list[MediaFile]]:
    """Return groups of pictures that may have the same pixels: of one size, with nearly one hash.

    Equal pixels in files of different formats may differ in a bit: hashes are of reduced pictures,
    and JPEG is reduced while it is decoded.
    """
    found = []
    for linked in alike(pictures.hashes, PIXEL_BITS):
        of_size: dict[tuple[int, int], list[MediaFile]] = {}
        for file in (pictures.files[n] for n in linked):
            of_size.setdefault((file.width, file.height), []).append(file)
        found += [group for group in of_size.values() if len(group) > 1]
    return found


def same_pixels(
    groups: Sequence[Sequence[MediaFile]],
    pixels: Callable[[MediaFile], NDArray[np.uint8] | None],
) -> Iterator[list[MediaFile]]:
    """Yield groups of equal pixels, as decoded; what cannot be read (None) is in no group."""
    for group in groups:
        found: dict[bytes, list[MediaFile]] = {}
        for file in group:
            decoded = pixels(file)
            if decoded is not None:
                digest = hashlib.blake2b(str(decoded.shape).encode(), digest_size=16)
                digest.update(np.ascontiguousarray(decoded).data)
                found.setdefault(digest.digest(), []).append(file)
        for equal in found.values():
            if len(equal) > 1:
                yield sorted(equal, key=preference)
