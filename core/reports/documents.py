"""One document for each source of a scan, and the scan as a whole."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..config.spec import Spec
from ..inference.detect import Detect
from ..records import SourceInfo
from ..scans.stored_spec import spec_of
from ..screening.dedupe import Dedupe, DedupeStage, alike, joined
from ..screening.registry import columns_of, internal_of, width_of
from ..storage.export.document import Document, Statistics, Summary, TaskLine
from ..storage.export.names import Stems, stems
from ..storage.library import Library
from ..storage.runs import TaskRow
from ..stores.results import Result
from .frame_notes import frame_notes, verdicts
from .narrowing import FilteredResults

if TYPE_CHECKING:
    from ..records import SourceKind


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A document with the stems that the names of its files begin with."""

    stems: Stems
    document: Document


def documents(
    library: Library,
    scan: int,
    *,
    statistics: bool = False,
    narrowed: FilteredResults | None = None,
) -> Iterator[NamedDocument]:
    """Yield one document for each source of a scan that has results, in order.

    With `narrowed` sources of which nothing is kept are passed over.
    """
    spec = spec_of(library, scan)
    spec_hash = library.runs.get(scan).spec_hash
    tasks = library.runs.tasks(scan)
    # Of all sources, with results or not: what a file is called must not depend on that.
    called = _called(tasks)
    names = stems([(called[t.number], cast("SourceKind", t.kind)) for t in tasks])
    wanted = None if narrowed is None else narrowed.tasks
    for task in tasks:
        if task.content is None or (wanted is not None and task.number not in wanted):
            continue
        result = library.results.get(task.content, spec_hash)
        if result is None:
            continue
        info = library.results.info(task.content, task.path)
        whole: Document | None = _document(library, info, spec, result, statistics)
        if narrowed is not None and whole is not None:
            whole = narrowed.document(task.number, whole)
        if whole is not None:
            yield NamedDocument(names[called[task.number]], whole)


def _called(tasks: Sequence[TaskRow]) -> dict[int, str]:
    """Return by number the path that the files of a source are called after.

    Each of several streams of one file has files of its own, as those of `a.stream1.mp4`; they are
    distinguished from a file of that name by the folder, which cannot be one.
    """
    several = {path for path, count in Counter(task.path for task in tasks).items() if count > 1}
    called = {}
    for task in tasks:
        stem, ending = os.path.splitext(os.path.basename(task.path))
        own = f"{task.path}/{stem}.stream{task.stream}{ending}"
        called[task.number] = own if task.path in several else task.path
    return called


def with_thumbnails(library: Library, filed: NamedDocument, longest_side: int) -> NamedDocument:
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


def summary(library: Library, scan: int, narrowed: FilteredResults | None = None) -> Summary:
    """Return a scan as a whole; with `narrowed` its sources count the events that are kept."""
    row = library.runs.get(scan)
    tasks = library.runs.tasks(scan)
    lines = [
        TaskLine(
            t.path, t.kind, t.state, t.reason, t.frames,
            narrowed.moments_of(t.number, t.moments) if narrowed else t.moments, t.stream,
        )
        for t in tasks
    ]  # fmt: skip
    return Summary(
        scan, row.profile, row.spec_hash, row.state, tuple(lines),
        tuple(duplicate_groups(library, scan)), narrowed.text if narrowed else "",
    )  # fmt: skip


def duplicate_groups(library: Library, scan: int) -> Iterator[tuple[str, ...]]:
    """Yield groups of pictures of a scan that look alike, by path."""
    spec = spec_of(library, scan)
    if DedupeStage.name not in spec.stages:
        return
    paths, hashes = [], []
    columns = len(DedupeStage.columns)
    for task in library.runs.tasks(scan, ("done", "known")):
        if task.kind == "picture" and task.content is not None:
            result = library.results.get(task.content, library.runs.get(scan).spec_hash)
            if result is not None and DedupeStage.name in result.tracks:
                values = library.series.whole(result.tracks[DedupeStage.name], columns).values
                if len(values):
                    paths.append(task.path)
                    hashes.append(joined(values)[0])
    for group in alike(np.array(hashes, np.uint64), spec.settings(Dedupe).distance_bits):
        yield tuple(paths[n] for n in group)


def _document(
    library: Library,
    info: SourceInfo,
    spec: Spec,
    result: Result,
    statistics: bool,
) -> Document:
    annotations = library.annotations.of_result(info.content, result.spec_hash)
    tracks = info.kind == "video" and spec.settings(Detect).tracks
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
        frame_notes=frame_notes(annotations, tracks=tracks),
        verdicts=verdicts(annotations),
        remarks=tuple(_remarks(library, info.content)),
    )


def _remarks(library: Library, content: str) -> Iterator[dict[str, Any]]:
    for frame, remark in sorted(library.remarks.of_content(content).items()):
        tags = None if remark.tags is None else list(remark.tags)
        yield {"frame": frame, "marked": remark.marked, "caption": remark.caption, "tags": tags}


def _statistics(library: Library, result: Result) -> Iterator[Statistics]:
    for name, key in result.tracks.items():
        track = library.series.whole(key, width_of(name))
        columns = columns_of(name, track.values.shape[1])
        shown = [n for n, column in enumerate(columns) if column not in internal_of(name)]
        yield Statistics(
            name, tuple(columns[n] for n in shown), track.indices, track.pts_seconds,
            track.values[:, shown],
        )  # fmt: skip
