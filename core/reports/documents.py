"""One document for each source of a scan, and the scan as a whole."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from ..config.spec import Spec
from ..inference.detect import Detect
from ..records import SourceInfo
from ..scans.stored_spec import spec_of
from ..screening.registry import columns_of, internal_of, width_of
from ..storage.export.document import Document, Statistics, Summary, TaskLine
from ..storage.export.names import Stems, stems
from ..storage.judged_rows import LISTS, List
from ..storage.library import Library
from ..storage.remarks import Remark
from ..storage.runs import TaskRow
from ..stores.answers import Annotation
from ..stores.results import Result
from .drawn_notes import with_drawn
from .duplicates import duplicate_groups
from .frame_notes import answer_line, frame_notes, verdict_stage, verdicts
from .narrowing import FilteredResults

if TYPE_CHECKING:
    from ..records import SourceKind

PICTURES_AT_ONCE = 500


class _Names:
    """What the files of a scan's sources are called: made when the first name is asked for.

    Where all files are of the whole scan, that is never. Names are made of all sources, with
    results or not: what a file is called must not depend on that.
    """

    def __init__(self, tasks: Sequence[TaskRow]) -> None:
        self._tasks = tasks

    def of(self, task: int) -> Stems:
        """Return the stems of a source, by the number of its task."""
        return self._stems[self._called[task]]

    @cached_property
    def _called(self) -> dict[int, str]:
        return _called(self._tasks)

    @cached_property
    def _stems(self) -> dict[str, Stems]:
        called = self._called
        return stems([(called[t.number], cast("SourceKind", t.kind)) for t in self._tasks])


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A document, and what the names of its files begin with."""

    document: Document
    task: int
    names: _Names

    @property
    def stems(self) -> Stems:
        """Return the stems that the names of its files begin with."""
        return self.names.of(self.task)


def documents(
    library: Library,
    scan: int,
    *,
    statistics: bool = False,
    narrowed: FilteredResults | None = None,
    tasks: Sequence[TaskRow] | None = None,
    candidates: bool = True,
) -> Iterator[NamedDocument]:
    """Yield one document for each source of a scan that has results, in order.

    With `narrowed` sources of which nothing is kept are passed over. `tasks` are those of the scan,
    where they were read already. Without `candidates` the documents have none.
    """
    spec = spec_of(library, scan)
    spec_hash = library.runs.get(scan).spec_hash
    tasks = library.runs.tasks(scan) if tasks is None else tasks
    names = _Names(tasks)
    wanted = None if narrowed is None else narrowed.tasks
    kept = [t for t in tasks if t.content is not None and (wanted is None or t.number in wanted)]
    for batch in _batches(kept):
        results = library.results.of_contents(
            [str(task.content) for task in batch], spec_hash, candidates=candidates
        )
        for task, whole in _documents_of(library, batch, spec, results, statistics):
            shown = whole if narrowed is None else narrowed.document(task.number, whole)
            if shown is not None:
                yield NamedDocument(shown, task.number, names)


def _batches(tasks: Sequence[TaskRow]) -> Iterator[Sequence[TaskRow]]:
    """Yield tasks to read at once: videos one by one, for their size, pictures many together."""
    for kind, run in groupby(tasks, key=lambda task: task.kind):
        yield from _parts(list(run), 1 if kind == "video" else PICTURES_AT_ONCE)


def _parts(tasks: Sequence[TaskRow], size: int) -> Iterator[Sequence[TaskRow]]:
    """Yield parts of `size`, the last with what is left."""
    for start in range(0, len(tasks), size):
        yield tasks[start : start + size]


def _documents_of(
    library: Library,
    tasks: Sequence[TaskRow],
    spec: Spec,
    results: Mapping[str, Result],
    statistics: bool,
) -> Iterator[tuple[TaskRow, Document]]:
    paths = {str(task.content): task.path for task in tasks}
    contents = list(results)
    infos = library.results.infos({content: paths[content] for content in contents})
    spec_hash = next((each.spec_hash for each in results.values()), "")
    said = library.annotations.of_results(contents, spec_hash)
    remarks = library.remarks.of_contents(contents)
    measured = _Measured(library, results) if statistics else None
    judged = library.judgements.of_results(contents, spec_hash)
    drawn = library.drawn_boxes.of_contents(contents)
    for task in tasks:
        content = str(task.content)
        if content in results:
            info = infos[content]
            if info.path != task.path:  # two files of one content
                info = replace(info, path=task.path)
            remarked = tuple(_remarks(remarks.get(content, {})))
            kept = results[content], said.get(content, []), remarked
            document = _document(info, spec, *kept, measured)
            if content in drawn:
                document = with_drawn(document, drawn[content])
            yield task, _with_judgements(document, judged)


def _called(tasks: Sequence[TaskRow]) -> dict[int, str]:
    """Return by number the path that the files of a source are called after.

    Each of several streams of one file has files of its own, as those of `a.stream1.mp4`; they are
    distinguished from a file of that name by the folder, which cannot be one.
    """
    several = {path for path, count in Counter(task.path for task in tasks).items() if count > 1}
    called = {}
    for task in tasks:
        called[task.number] = task.path
        if task.path in several:
            stem, ending = os.path.splitext(os.path.basename(task.path))
            called[task.number] = f"{task.path}/{stem}.stream{task.stream}{ending}"
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


def summary(
    library: Library, scan: int, narrowed: FilteredResults | None = None,
    tasks: Sequence[TaskRow] | None = None,
) -> Summary:  # fmt: skip
    """Return a scan as a whole; with `narrowed` its sources count the events that are kept.

    `tasks` are those of the scan, where they were read already.
    """
    row = library.runs.get(scan)
    tasks = library.runs.tasks(scan) if tasks is None else tasks
    lines = [
        TaskLine(
            t.path, t.kind, t.state, t.reason, t.frames,
            narrowed.moments_of(t.number, t.moments) if narrowed else t.moments, t.stream,
        )
        for t in tasks
    ]  # fmt: skip
    alike = tuple(
        tuple(task.path for task in group) for group in duplicate_groups(library, scan, tasks)
    )
    return Summary(
        scan, row.profile, row.spec_hash, row.state, tuple(lines),
        alike, narrowed.text if narrowed else "",
    )  # fmt: skip


def _document(
    info: SourceInfo,
    spec: Spec,
    result: Result,
    annotations: Sequence[Annotation],
    remarks: tuple[dict[str, Any], ...],
    measured: _Measured | None,
) -> Document:
    judged, judge = verdicts(annotations), verdict_stage(annotations) if annotations else ""
    tracks = info.kind == "video" and spec.settings(Detect).tracks
    return Document(
        source=info,
        profile=spec.profile,
        spec_hash=result.spec_hash,
        frames=result.frames,
        moments=result.moments,
        candidates=result.candidates,
        statistics=tuple(measured.of(result)) if measured else (),
        provenance=result.provenance,
        warnings=(*result.warnings, *((result.failure,) if result.failure else ())),
        frame_notes=frame_notes(annotations, tracks=tracks),
        verdicts=judged,
        remarks=remarks,
        verdict_stage=judge,
        verdict_lines=tuple(answer_line(judge, verdict) for verdict in judged),
    )


def _with_judgements(
    document: Document, judged: Mapping[tuple[str, List], dict[int, str]]
) -> Document:
    """Return a document with what a person said of its events and candidates."""
    events, candidates = (judged.get((document.source.content, which), {}) for which in LISTS)
    if not (events or candidates):
        return document
    said = tuple(candidates.get(n, "") for n in range(len(document.candidates)))
    return replace(document, event_judgements=events, candidate_judgements=said)


def _remarks(found: Mapping[int, Remark]) -> Iterator[dict[str, Any]]:
    for frame, remark in sorted(found.items()):
        tags = None if remark.tags is None else list(remark.tags)
        yield {"frame": frame, "marked": remark.marked, "caption": remark.caption, "tags": tags}


class _Measured:
    """The measurements of several results; those of pictures are read together."""

    def __init__(self, library: Library, results: Mapping[str, Result]) -> None:
        self._library = library
        tracks = {content: result.tracks for content, result in results.items()}
        self._pictures = library.series.of_pictures(tracks)
        self._columns: dict[tuple[str, int], tuple[tuple[str, ...], list[int]]] = {}

    def of(self, result: Result) -> Iterator[Statistics]:
        """Yield the measurements of each stage of a result."""
        pictures = self._pictures.get(result.content, {})
        for name in result.tracks:
            track = pictures.get(name)
            if track is None:
                track = self._library.series.whole(result.tracks[name], width_of(name))
            columns, shown = self._shown(name, track.values.shape[1])
            values = track.values if len(shown) == track.values.shape[1] else track.values[:, shown]
            yield Statistics(name, columns, track.indices, track.pts_seconds, values)

    def _shown(self, name: str, width: int) -> tuple[tuple[str, ...], list[int]]:
        """Return the names and numbers of the columns that people are shown."""
        if (name, width) not in self._columns:
            columns, hidden = columns_of(name, width), internal_of(name)
            shown = [n for n, column in enumerate(columns) if column not in hidden]
            self._columns[name, width] = tuple(columns[n] for n in shown), shown
        return self._columns[name, width]
