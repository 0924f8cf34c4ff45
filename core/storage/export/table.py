"""The registry of export formats, and writing a source or a scan in some of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ...plugins.installed import EXPORTS
from ...plugins.registry import Registry
from ...text import clean
from . import atomic, scan_json
from .built_in import BUILT_IN
from .cues import is_foreign
from .document import Document, Summary
from .format import Format, ScanFormat
from .names import Stems
from .parts import OutputFiles

SCAN_STEM = "scan"


_SUFFIX = re.compile(r"(\.[a-z0-9_-]+){1,3}")


def check_format(name: str, found: Any) -> str:
    """Return what is wrong with a plugin's format, or an empty string."""
    if not isinstance(found, Format):
        return "it is not a core.storage.export.format.Format"
    if found.name != name:
        return f"its name is '{clean(str(found.name))}'"
    if found.per not in ("source", "scan") or not callable(found.make):
        return "'per' must be source or scan, and 'make' a function"
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


def write_source(
    document: Document, folder: Path, stems: Stems, formats: Sequence[str]
) -> list[Path]:
    """Write one source in those of `formats` that are per source, as `folder/stem.*`.

    Subtitles that are there already and are not ours are never written over: then ours get the
    source's whole name.
    Formats of a whole scan are passed over, so that one list serves both calls. The folder is
    made if it is missing. Raises UsageError, DiskFull or EnvironmentFault; each file is whole
    or as it was before.
    """
    chosen = _chosen(formats, "source")
    atomic.make_folder(folder)
    beside = OutputFiles(stems.plain, tuple(formats))
    written = []
    for each in chosen:
        with FORMATS.faults_of(each.name):
            parts = each.make(document, beside)
            for suffix, content in parts.items():
                stem = stems.plain
                if each.subtitles and not is_foreign(folder / f"{stems.subtitle}{suffix}"):
                    stem = stems.subtitle
                written.append(atomic.write(folder / f"{stem}{suffix}", content))
    return written


def write_scan(
    summary: Summary, documents: Iterable[Document], folder: Path, formats: Sequence[str]
) -> list[Path]:
    """Write `summary.json`, and `scan.*` in those of `formats` that are per scan.

    `documents` is read once, one in memory at a time, and not at all when no such format is
    asked for. Raises UsageError, DiskFull or EnvironmentFault, and whatever `documents` raises;
    each file is whole or as it was before.
    """
    chosen = _chosen(formats, "scan")
    atomic.make_folder(folder)
    written = _write_streams(summary, documents, folder, chosen) if chosen else []
    path = atomic.write(folder / scan_json.FILE_NAME, scan_json.render(summary))
    return [path, *written]


def _write_streams(
    summary: Summary, documents: Iterable[Document], folder: Path, chosen: list[Format]
) -> list[Path]:
    paths = [folder / f"{SCAN_STEM}{each.suffix}" for each in chosen]
    with ExitStack() as stack:
        streams = [
            _Stream(each.name, stack.enter_context(atomic.replacing(path)))
            for each, path in zip(chosen, paths, strict=True)
        ]
        for stream in streams:
            stream.write(lambda layout: layout.head(summary))
        for document in documents:
            for stream in streams:
                stream.write(lambda layout, of=document: layout.body(of))
        for stream in streams:
            stream.write(lambda layout: layout.tail(summary))
    return paths


class _Stream:
    """One format of a scan and the file it is written to."""

    def __init__(self, name: str, sink: atomic.Sink) -> None:
        self._name = name
        self._sink = sink
        with FORMATS.faults_of(name):
            self._layout: ScanFormat = FORMATS.load(name).make()

    def write(self, part: Callable[..., str]) -> None:
        with FORMATS.faults_of(self._name):
            self._sink.write(part(self._layout))


def _chosen(names: Sequence[str], per: str) -> list[Format]:
    check_formats(names)
    found = [FORMATS.load(name) for name in dict.fromkeys(names)]
    return [each for each in found if each.per == per]
