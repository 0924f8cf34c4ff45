"""Groups of files that show the same or nearly the same. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..request import Streamed

FILES_OF_A_PART = 2000
BITS = 6
"""of 64, by which the perceptual hashes of near-duplicates may differ"""
SIMILARITY = 0.95
"""cosine from which on vectors count as alike"""
CopyKind = Literal["bytes", "pixels", "near", "alike"]


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file of a group, and how far it is from the first one of the group.

    `distance` are differing bits of the hashes (of a video: their mean over aligned frames),
    `similarity` the cosine of the vectors, `offset_seconds` where a video begins in the other.
    """

    path: str
    kind: str
    width: int
    height: int
    size_bytes: int
    seconds: float = 0.0
    distance: float | None = None
    similarity: float | None = None
    offset_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Two or more files; the first is the one that is suggested to be kept, for a `reason`.

    `sampled` says that files over 64 MiB were compared by size and by 64 parts of 256 KiB.
    """

    number: int
    kind: CopyKind
    reason: str
    files: tuple[CopiedFile, ...]
    sampled: bool = False


@dataclass(frozen=True, slots=True)
class CopiesSummary:
    """What was compared, and what could not be."""

    files: int = 0
    unhashed: int = 0
    """files without a perceptual hash: not scanned with the stage `dedupe`"""
    unembedded: int = 0
    """files without a vector; counted only where vectors were asked for"""
    changed: int = 0
    """files that are gone, or have changed since they were read: they are in no group"""
    linked: int = 0
    """further names of the same file (hard and symbolic links): they are in no group"""
    flat: int = 0
    """pictures that are too uniform for a perceptual hash"""
    comparable: int = 0
    """pictures of equal hash and size whose pixels were not compared"""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CopiesPart:
    """Some groups, or the beginning of one that the next part continues; the last has a summary."""

    groups: tuple[CopyGroup, ...] = ()
    summary: CopiesSummary | None = None


@dataclass(frozen=True, slots=True)
class Copies:
    """All groups, from the strictest kind to the loosest."""

    groups: tuple[CopyGroup, ...]
    summary: CopiesSummary


@dataclass(frozen=True, slots=True)
class FindDuplicates(Streamed[CopiesPart, Copies], right="read", heavy=True):
    """Groups of files in folders or files of the library, in a scan, or in all of the library.

    A file is left over from a group as its first at most once, and only such files take part in the
    looser kinds: who deletes all but the first of every group keeps one of each.
    """

    paths: tuple[str, ...] = ()
    scan: int | None = None
    kinds: tuple[CopyKind, ...] = ("bytes", "near")
    bits: int = BITS
    similarity: float = SIMILARITY

    @classmethod
    def gathered(cls, parts: Sequence[CopiesPart]) -> Copies:
        """Return all groups."""
        found: dict[int, CopyGroup] = {}
        for group in (group for part in parts for group in part.groups):
            before = found.get(group.number)
            files = group.files if before is None else before.files + group.files
            found[group.number] = replace(group, files=files)
        return Copies(tuple(found.values()), parts[-1].summary or CopiesSummary())
