"""The registry of export formats, and writing a source or a scan in some of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ...plugins.installed import EXPORTS
from ...plugins.registry import Registry
from ...text import clean
from . import atomic, scan_json
from .built_in import BUILT_IN
from .contents import holds
from .cues import is_foreign
from .document import Document, Summary
from .format import FolderFormat, Format, ScanFormat
from .names import Stems
from .parts import SCAN_STEM, Content, OutputFiles

_SUFFIX = re.compile(r"(\.[a-z0-9_-]+){1,3}")


def check_format(name: str, found: Any) -> str:
    """Return what is wrong with a plugin's format, or an empty string."""
    if not isinstance(found, Format):
        return "it is not a core.storage.export.format.Format"
    if found.name != name:
        return f"its name is '{clean(str(found.name))}'"
    if found.per not in ("source", "scan", "folder") or not callable(found.make):
        return "'per' must be source, scan or folder, and 'make' a function"
    if not _SUFFIX.fullmatch(str(found.suffix)):
        return "its suffix must be dots, a-z, 0-9, '_' and '-', as in '.boxes.json'"
    for other in BUILT_IN:
        if FORMATS.load(other).suffix == found.suffix:
            return f"it writes {found.suffix}, as '{other}' does"
    return ""


FORMATS: Registry[Format] = Registry("export format", EXPORTS, BUILT_IN, check_format)


def check_formats(names: Iterable[str]) -> None:
    """Raise UnknownName (a UsageError) for the first name that is no format.

    Raises PluginFault for a plugin's format that cannot be used.
    """
    for name in names:
        FORMATS.load(name)


class SourceWriter:
    """Writes sources, one after another, in those of some formats that are per source.

    Formats of a whole scan are passed over, so that one list serves both. Raises UsageError for an
    unknown format.
    """

    def __init__(self, folder: Path, formats: Sequence[str]) -> None:
        self._folder = folder
        self._formats = tuple(formats)
        self._chosen = _chosen(formats, "source")
        self._of_pictures = [each for each in self._chosen if each.pictures_together is None]
        self._folders = [_Folder(each, folder) for each in _chosen(formats, "folder")]
        self._is_made = False

    def writes(self, document: Document) -> bool:
        """Return whether any of its formats has files of its own for a source."""
        return bool(self._folders or self._of(document))

    def _of(self, document: Document) -> list[Format]:
        if document.source.kind != "picture":
            return self._chosen
        return [each for each in self._of_pictures if holds(each, document)]

    def write(self, document: Document, stems: Stems) -> list[Path]:
        """Write one source as `folder/stem.*` and return the files; the folder is made first.

        Subtitles that are there already and are not ours are never written over: then ours get the
        source's whole name. Raises DiskFull or EnvironmentFault; each file is whole or as it was
        before.
        """
        if not self._is_made:
            atomic.make_folder(self._folder)
            self._is_made = True
        beside = OutputFiles(stems.plain, self._formats)
        written = []
        for each in self._of(document):
            with FORMATS.faults_of(each.name):
                for suffix, content in each.make(document, beside).items():
                    path = Path(f"{self._folder}/{self._stem(each, stems, suffix)}{suffix}")
                    if each.sidecar:
                        path = free_sidecar(path, document.source.path, content)
                    written.append(atomic.write(path, content))
        for each_folder in self._folders:
            written += each_folder.body(document, stems.plain)
        return written

    def finish(self, summary: Summary) -> list[Path]:
        """Write what formats with a folder say about the whole scan. Raises as `write` does."""
        return [path for each in self._folders for path in each.tail(summary)]

    def _stem(self, each: Format, stems: Stems, suffix: str) -> str:
        if each.subtitles and not is_foreign(self._folder / f"{stems.subtitle}{suffix}"):
            return stems.subtitle
        return stems.plain


def free_sidecar(path: Path, source: str, content: Content) -> Path:
    """Return where a sidecar is written: not over another program's file beside the source.

    There it is called `a.jpg.sightline.xmp`, unless what is there is the same already.
    """
    if path.parent.resolve() != Path(source).parent.resolve() or not os.path.lexists(path):
        return path
    if isinstance(content, str) and not path.is_symlink():
        with suppress(OSError):
            if path.read_bytes() == content.encode():
                return path
    return path.with_name(f"{path.stem}.sightline{path.suffix}")


def write_scan(
    summary: Summary, documents: Iterable[Document], folder: Path, formats: Sequence[str]
) -> list[Path]:
    """Write `summary.json`, and `scan.*` in those of `formats` that are per scan.

    `documents` is read once, one in memory at a time, and not at all when no such format is
    asked for. Raises UsageError, DiskFull or EnvironmentFault, and whatever `documents` raises;
    each file is whole or as it was before.
    """
    chosen = _of_scan(formats, summary)
    atomic.make_folder(folder)
    written = _write_streams(summary, documents, folder, chosen) if chosen else []
    path = atomic.write(folder / scan_json.FILE_NAME, scan_json.render(summary, formats))
    return [path, *written]


def writes_scan(formats: Sequence[str], summary: Summary) -> bool:
    """Return whether `write_scan` reads the documents. Raises UsageError."""
    return bool(_of_scan(formats, summary))


def _of_scan(formats: Sequence[str], summary: Summary) -> list[Format]:
    has_pictures = any(task.kind == "picture" for task in summary.tasks)
    together = [each for each in _chosen(formats, "source") if each.pictures_together is not None]
    return [*_chosen(formats, "scan"), *(together if has_pictures else ())]


def _write_streams(
    summary: Summary, documents: Iterable[Document], folder: Path, chosen: list[Format]
) -> list[Path]:
    with ExitStack() as stack:
        streams = [_Stream(each, folder, stack, summary) for each in chosen]
        for document in documents:
            for stream in streams:
                stream.body(document)
        return [path for stream in streams for path in stream.tail()]


class _Folder:
    """One format of a scan and the folder it is written to."""

    def __init__(self, chosen: Format, folder: Path) -> None:
        self._name = chosen.name
        self._folder = folder / f"{SCAN_STEM}{chosen.suffix}"
        self._made: set[Path] = set()
        with FORMATS.faults_of(chosen.name):
            self._layout: FolderFormat = chosen.make()

    def body(self, document: Document, stem: str) -> list[Path]:
        with FORMATS.faults_of(self._name):
            return self._written(self._layout.body(document, stem))

    def tail(self, summary: Summary) -> list[Path]:
        with FORMATS.faults_of(self._name):
            return self._written(self._layout.tail(summary))

    def _written(self, files: Iterable[tuple[str, Content]]) -> list[Path]:
        return [atomic.write(self._inside(name), content) for name, content in files]

    def _inside(self, name: str) -> Path:
        """Return the path of a file in the folder, which is made. Raises ValueError outside it."""
        path = self._folder / name
        if ".." in path.parts or not path.is_relative_to(self._folder):
            raise ValueError(f"'{clean(name)}' is not inside the format's folder")
        if path.parent not in self._made:
            atomic.make_folder(path.parent)
            self._made.add(path.parent)
        return path


class _Stream:
    """One format of a scan and the file it is written to.

    A format per source that puts pictures together has a file only where there are any.
    """

    def __init__(self, chosen: Format, folder: Path, stack: ExitStack, summary: Summary) -> None:
        self._name = chosen.name
        self._path = folder / f"{SCAN_STEM}{chosen.suffix}"
        self._stack = stack
        self._summary = summary
        self._sink: atomic.Sink | None = None
        self._only_pictures = chosen.per == "source"
        make = chosen.make if chosen.pictures_together is None else chosen.pictures_together
        with FORMATS.faults_of(chosen.name):
            self._layout: ScanFormat = make()
        if not self._only_pictures:
            self._begin()

    def body(self, document: Document) -> None:
        if document.source.kind == "picture" or not self._only_pictures:
            sink = self._sink or self._begin()
            with FORMATS.faults_of(self._name):
                content = self._layout.body(document)
                if content:
                    sink.write(content)

    def tail(self) -> list[Path]:
        if self._sink is None:
            return []
        with FORMATS.faults_of(self._name):
            self._sink.write(self._layout.tail(self._summary))
        return [self._path]

    def _begin(self) -> atomic.Sink:
        self._sink = self._stack.enter_context(atomic.replacing(self._path))
        with FORMATS.faults_of(self._name):
            self._sink.write(self._layout.head(self._summary))
        return self._sink


def _chosen(names: Sequence[str], per: str) -> list[Format]:
    check_formats(names)
    found = [FORMATS.load(name) for name in dict.fromkeys(names)]
    return [each for each in found if each.per == per]
