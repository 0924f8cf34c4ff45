"""One document for each source of a scan, and the scan as a whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..records import SourceInfo
from ..spec import Spec
from ..stages.dedupe import alike, joined
from ..stages.table import create
from ..storage.export.document import Document, Statistics, Summary, TaskLine
from ..storage.library import Library
from ..storage.results import Result
from ..text import clean_path
from .lists import spec_of
from .looks import frame_notes, verdicts


@dataclass(frozen=True, slots=True)
class Filed:
    """A document with the file stem its exports get."""

    stem: str
    document: Document


def documents(library: Library, scan: int, *, statistics: bool = False) -> Iterator[Filed]:
    """Yield one document for each source of a scan that has results, in order."""
    spec = spec_of(library, scan)
    spec_hash = library.runs.get(scan).spec_hash
    stems = _Stems()
    for task in library.runs.tasks(scan):
        if task.content is None:
            continue
        result = library.results.get(task.content, spec_hash)
        if result is not None:
            info = library.results.info(task.content, task.path)
            stem = stems.next(task.path)
            yield Filed(stem, _document(library, info, spec, result, statistics))


def with_thumbnails(library: Library, filed: Filed, longest_side: int) -> Filed:
    """Return a document with the thumbnails that are kept of its events."""
    document = filed.document
    pictures = {
        moment.number: jpeg
        for moment in document.moments
        if (
            jpeg := library.thumbnails.get(
                document.source.content,
                moment.peak_seconds,
                longest_side,
                document.source.pixels,
            )
        )
        is not None
    }
    return replace(filed, document=replace(document, thumbnails=pictures))


def summary(library: Library, scan: int) -> Summary:
    """Return a scan as a whole."""
    row = library.runs.get(scan)
    tasks = library.runs.tasks(scan)
    lines = [TaskLine(t.path, t.kind, t.state, t.reason, t.frames, t.moments) for t in tasks]
    return Summary(
        scan, row.profile, row.spec_hash, row.state, tuple(lines),
        tuple(duplicate_groups(library, scan)),
    )  # fmt: skip


def duplicate_groups(library: Library, scan: int) -> Iterator[tuple[str, ...]]:
    """Yield groups of pictures of a scan that look alike, by path."""
    spec = spec_of(library, scan)
    if "dedupe" not in spec.stages:
        return
    paths, hashes = [], []
    columns = len(create("dedupe").columns)
    for task in library.runs.tasks(scan, ("done", "known")):
        if task.kind == "picture" and task.content is not None:
            result = library.results.get(task.content, library.runs.get(scan).spec_hash)
            if result is not None and "dedupe" in result.tracks:
                values = library.results.whole_track(result.tracks["dedupe"], columns).values
                if len(values):
                    paths.append(task.path)
                    hashes.append(joined(values)[0])
    for group in alike(np.array(hashes, np.uint64), spec.dedupe.distance_bits):
        yield tuple(paths[n] for n in group)


class _Stems:
    """File stems that tell sources of the same name apart."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {"summary": 1, "scan": 1}

    def next(self, path: str) -> str:
        name = clean_path(os.path.basename(path))
        stem = re.sub(r"[^\w.@+-]+", "_", name, flags=re.ASCII).strip("._") or "source"
        stem = stem[:120]
        count = self._taken.get(stem.lower(), 0) + 1
        self._taken[stem.lower()] = count
        return stem if count == 1 else self.next(f"{stem}~{count}")


def _document(
    library: Library,
    info: SourceInfo,
    spec: Spec,
    result: Result,
    statistics: bool,
) -> Document:
    annotations = library.annotations.of_result(info.content, result.spec_hash)
    return Document(
        source=info,
        profile=spec.profile,
        spec_hash=result.spec_hash,
        frames=result.frames,
        moments=result.moments,
        candidates=result.candidates,
        statistics=tuple(_statistics(library, result)) if statistics else (),
        provenance=result.provenance,
        warnings=(*result.warnings, *((result.failure,) if result.failure else ())),
        looks=frame_notes(annotations, tracks=info.kind == "video" and spec.detect.tracks),
        verdicts=verdicts(annotations),
        remarks=tuple(_remarks(library, info.content)),
    )


def _remarks(library: Library, content: str) -> Iterator[dict[str, Any]]:
    for frame, remark in sorted(library.remarks.of_content(content).items()):
        tags = None if remark.tags is None else list(remark.tags)
        yield {"frame": frame, "marked": remark.marked, "caption": remark.caption, "tags": tags}


def _statistics(library: Library, result: Result) -> Iterator[Statistics]:
    for name, key in result.tracks.items():
        columns = create(name).columns
        track = library.results.whole_track(key, len(columns))
        yield Statistics(name, columns, track.indices, track.pts_seconds, track.values)
