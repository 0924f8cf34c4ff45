"""Writing a scan's results as files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..errors import SourceError
from ..protocol.views import ExportNote, ExportProgress
from ..records import SourceInfo
from ..scans.stored_spec import spec_of
from ..scans.thumbnails import make_missing
from ..sources.reader import Reader, again_if_killed
from ..storage.export.contents import Contents
from ..storage.export.document import Document
from ..storage.export.format import Format
from ..storage.library import Library
from ..storage.runs import TaskRow
from .documents import NamedDocument, documents, summary, with_thumbnails
from .narrowing import FilteredResults

Notify = Callable[[ExportProgress], None]
Say = Callable[[ExportNote], None]


def export(
    library: Library, scan: int, formats: Sequence[str], folder: Path, reader: Reader,
    narrowed: FilteredResults, notify: Notify, wrote: Callable[[Path], None], say: Say,
) -> None:  # fmt: skip
    """Write a scan's results. Raises UsageError or EnvironmentFault.

    `notify` is called after each source, `wrote` after each file; what they raise ends the export.
    `say` is called at the end with a line for each format that lacks files, or is empty.
    """
    from ..storage.export.table import FORMATS, SourceWriter, write_scan, writes_scan

    writer = SourceWriter(folder, formats)
    chosen = [FORMATS.load(name) for name in formats]
    contents = Contents(chosen)
    tasks = library.runs.tasks(scan)
    progress = _Counter(notify, _sources(tasks, narrowed))
    wanted = _wanted(chosen, narrowed)
    source = _Documents(library, scan, tasks, reader, narrowed, progress)

    def of_sources() -> Iterator[Document]:
        for filed in source.all(wanted):
            contents.count(filed.document)
            if writer.writes(filed.document):
                for path in writer.write(filed.document, filed.stems):
                    wrote(path)
            yield filed.document

    # Each source is read and counted once, for formats per source and per scan together.
    rest = of_sources()
    whole = summary(library, scan, narrowed, tasks)
    if not writes_scan(formats, whole):
        deque(rest, maxlen=0)  # `write_scan` would read none
    for path in (*write_scan(whole, rest, folder, formats), *writer.finish(whole)):
        wrote(path)
    progress.finish()
    for line in contents.lines():
        say(ExportNote(line))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the documents must hold beside events and answers of models."""

    statistics: bool
    pictures: bool
    frames: bool
    candidates: bool


def _wanted(chosen: Sequence[Format], narrowed: FilteredResults) -> _Wanted:
    return _Wanted(
        statistics=any(each.statistics for each in chosen),
        pictures=any(each.pictures for each in chosen),
        frames=any(each.frames for each in chosen),
        # What a filter lets through depends on candidates.
        candidates=bool(narrowed.text) or any(each.candidates for each in chosen),
    )


def events_of(library: Library, scan: int, narrowed: FilteredResults) -> int:
    """Return how many events of a scan are kept."""
    tasks = library.runs.tasks(scan)
    return sum(narrowed.moments_of(task.number, task.moments) for task in tasks)


def _sources(tasks: Sequence[TaskRow], narrowed: FilteredResults) -> int:
    if narrowed.tasks is not None:
        return len(narrowed.tasks)
    return sum(task.content is not None for task in tasks)


class _Counter:
    """Says after each source how many are done."""

    def __init__(self, notify: Notify, total: int) -> None:
        self._notify = notify
        self._done, self._total = 0, total

    def one_more(self) -> None:
        self._done += 1
        self._notify(ExportProgress("source", self._done, max(self._total, self._done)))

    def finish(self) -> None:
        """Count the sources of which there was nothing to write, too."""
        if self._done < self._total:
            self._done = self._total - 1
            self.one_more()


class _Documents:
    """The documents of a scan, with or without pictures."""

    def __init__(
        self,
        library: Library,
        scan: int,
        tasks: Sequence[TaskRow],
        reader: Reader,
        narrowed: FilteredResults,
        progress: _Counter,
    ) -> None:
        self._library = library
        self._scan = scan
        self._tasks = tasks
        self._reader = reader
        self._narrowed = narrowed
        self._progress = progress
        self._side = spec_of(library, scan).output.thumbnail_pixels

    def all(self, wanted: _Wanted) -> Iterator[NamedDocument]:
        """Yield each document, with a thumbnail of each event and how to read frames if wanted."""
        found = documents(
            self._library, self._scan, statistics=wanted.statistics, narrowed=self._narrowed,
            tasks=self._tasks, candidates=wanted.candidates,
        )  # fmt: skip
        for each in found:
            filed = self._illustrated(each) if wanted.pictures else each
            if wanted.frames:
                reading = partial(self._frame_pictures, filed.document.source)
                filed = replace(filed, document=replace(filed.document, frame_pictures=reading))
            yield filed
            self._progress.one_more()

    def _frame_pictures(
        self, source: SourceInfo, wanted: Mapping[int, float]
    ) -> Iterator[tuple[int, bytes]]:
        """Yield frames as JPEG; none, or no more, of a file that is gone or changed since."""
        frames = sorted(wanted, key=lambda frame: wanted[frame])
        times = [wanted[frame] for frame in frames]
        with suppress(SourceError):
            stills = self._reader.stills(source, times, max(source.width, source.height))
            for frame, still in zip(frames, stills, strict=False):
                yield frame, still.jpeg

    def _illustrated(self, filed: NamedDocument) -> NamedDocument:
        source, moments = filed.document.source, filed.document.moments
        if not moments:
            return filed
        # A file that is gone or changed since still has its events, without pictures.
        with suppress(SourceError):
            again_if_killed(
                partial(make_missing, self._library.thumbnails, self._reader, source, moments,
                        self._side)
            )  # fmt: skip
        return with_thumbnails(self._library, filed, self._side)
