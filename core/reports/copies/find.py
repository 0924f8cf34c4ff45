"""Finding duplicates in a library: the kinds one after another, from the strictest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...config.screening_settings import Limits
from ...errors import SourceError, UsageError
from ...protocol.requests.duplicates import (
    FILES_OF_A_PART,
    CopiedFile,
    CopiesPart,
    CopiesSummary,
    CopyGroup,
    CopyKind,
    FindDuplicates,
)
from ...sources.reader import Reader, again_if_killed
from ...storage.library import Library
from ...storage.media_files import MediaFile
from ...text import clean_path, counted
from ..still_readers import StillReaders
from .hashes import HashedPictures, hashed, is_flat, near_groups, same_pixels, that_may_be_equal
from .keeping import components, preference, reason, stars
from .present import present_files
from .vectors import alike_groups, embedded
from .videos import Aligned, aligned_videos, hashed_videos

MOST_BITS = 16


class DuplicateFinder:
    """Finds groups; `summary` is complete once all are found. Raises UsageError or UnknownName."""

    def __init__(
        self, library: Library, request: FindDuplicates, readers: StillReaders | None = None
    ) -> None:
        _check(request)
        self._library, self._request, self._readers = library, request, readers
        present = present_files(library, request.paths, request.scan)
        self._left = present.files
        """what takes part in the next kind: all files, then those that no group would lose"""
        self._pictures = hashed(library, self._left)
        self._count = 0
        total = len(self._left)
        self.summary = CopiesSummary(total, changed=present.changed, linked=present.linked)

    def parts(self) -> Iterator[CopiesPart]:
        """Yield all groups, and the summary in the last part."""
        for group in self._groups():
            for first in range(0, len(group.files), FILES_OF_A_PART):
                files = group.files[first : first + FILES_OF_A_PART]
                yield CopiesPart((replace(group, files=files),))
        yield CopiesPart((), self.summary)

    def _groups(self) -> Iterator[CopyGroup]:
        kinds = self._request.kinds
        if "bytes" in kinds:
            yield from self._numbered("bytes", self._same_bytes())
        if "pixels" in kinds:
            yield from self._numbered("pixels", self._same_pixels())
        else:
            may_be = that_may_be_equal(self._hashed_left())
            self.summary = replace(self.summary, comparable=sum(map(len, may_be)))
        if "near" in kinds:
            yield from self._numbered("near", self._near())
        if "alike" in kinds:
            yield from self._numbered("alike", self._alike())

    def _numbered(
        self, kind: CopyKind, groups: Iterator[list[tuple[MediaFile, CopiedFile]]]
    ) -> Iterator[CopyGroup]:
        lost: set[str] = set()
        for group in list(groups):
            kept, *others = (file for file, _ in group)
            lost.update(file.path for file in others)
            self._count += 1
            sampled = kind == "bytes" and kept.content.startswith("b2s:")
            files = tuple(copied for _, copied in group)
            yield CopyGroup(self._count, kind, reason(kept, others), files, sampled)
        self._left = [file for file in self._left if file.path not in lost]

    def _hashed_left(self) -> HashedPictures:
        left = {file.path for file in self._left}
        wanted = [file.path in left for file in self._pictures.files]
        return self._pictures.only(np.array(wanted, bool))

    def _same_bytes(self) -> Iterator[list[tuple[MediaFile, CopiedFile]]]:
        found: dict[tuple[str, int], list[MediaFile]] = {}
        for file in self._left:
            if file.size_bytes:
                found.setdefault((file.content, file.size_bytes), []).append(file)
        for group in found.values():
            if len(group) > 1:
                yield [(each, copied(each)) for each in sorted(group, key=preference)]

    def _same_pixels(self) -> Iterator[list[tuple[MediaFile, CopiedFile]]]:
        groups = that_may_be_equal(self._hashed_left())
        if not groups or self._readers is None:
            return
        with self._readers.lent(Limits()) as reader:
            for group in same_pixels(groups, lambda file: self._pixels(reader, file)):
                yield [(each, copied(each)) for each in group]

    def _pixels(self, reader: Reader, file: MediaFile) -> NDArray[np.uint8] | None:
        try:
            probed = again_if_killed(lambda: reader.probe(file.path, luma=False, colour=0))
        except SourceError as error:
            warning = f"{clean_path(file.path)}: {error}"
            self.summary = replace(self.summary, warnings=(*self.summary.warnings, warning))
            return None
        return probed.colour

    def _near(self) -> Iterator[list[tuple[MediaFile, CopiedFile]]]:
        bits = self._request.bits
        pictures = self._hashed_left()
        flat = is_flat(pictures.hashes, bits)
        videos = hashed_videos(self._library, self._left, bits)
        with_hash = len(pictures.files) + len(videos)
        unhashed = len(self._left) - with_hash
        self.summary = replace(self.summary, unhashed=unhashed, flat=int(flat.sum()))
        for group in near_groups(pictures.only(~flat), bits):
            yield [(file, copied(file, distance=apart)) for file, apart in group]
        files = [video.file for video in videos]
        yield from _video_groups(files, aligned_videos(videos, bits))

    def _alike(self) -> Iterator[list[tuple[MediaFile, CopiedFile]]]:
        found = embedded(self._library, self._left)
        self.summary = replace(self.summary, unembedded=len(self._left) - len(found.files))
        for group in alike_groups(found, self._request.similarity):
            yield [(file, copied(file, similarity=cosine)) for file, cosine in group]


def copied(
    file: MediaFile, *, distance: float | None = None, similarity: float | None = None,
    offset: float | None = None,
) -> CopiedFile:  # fmt: skip
    """Return a file as it is shown."""
    return CopiedFile(
        file.path, file.kind, file.width, file.height, file.size_bytes, file.seconds,
        None if distance is None else round(distance, 2),
        None if similarity is None else round(similarity, 4),
        None if offset is None else round(offset, 3),
    )  # fmt: skip


def _video_groups(
    files: Sequence[MediaFile], pairs: Sequence[Aligned]
) -> Iterator[list[tuple[MediaFile, CopiedFile]]]:
    """Yield groups of videos, each with the time of the kept one at which it begins."""
    by_pair = {(each.left, each.right): each for each in pairs}
    left = np.array([each.left for each in pairs], np.int64)
    right = np.array([each.right for each in pairs], np.int64)

    def near(kept: int, others: NDArray[np.int64]) -> NDArray[np.bool_]:
        linked = [(min(kept, n), max(kept, n)) in by_pair for n in others.tolist()]
        return np.array(linked, bool)

    for linked in components(len(files), left, right):
        for kept, *rest in stars(sorted(linked, key=lambda n: preference(files[n])), near):
            group = [(files[kept], copied(files[kept]))]
            for n in rest:
                pair = by_pair[min(kept, n), max(kept, n)]
                begins = pair.offset if pair.left == n else -pair.offset
                found = copied(files[n], distance=pair.distance, offset=begins)
                group.append((files[n], found))
            yield group


def _check(request: FindDuplicates) -> None:
    if not request.kinds:
        raise UsageError("no kind of duplicates was asked for")
    if not 0 <= request.bits <= MOST_BITS:
        most = counted(MOST_BITS, "bit")
        raise UsageError(f"hashes of near-duplicates may differ by at most {most}")
    if not 0.5 <= request.similarity <= 1:
        raise UsageError("the similarity is a cosine from 0.5 to 1")
