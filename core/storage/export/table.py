"""The table of export formats, and writing a source or a scan in some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from ...errors import UnknownName
from ...text import clean, nearest
from . import atomic, scan_json
from .cues import is_foreign
from .document import Document, Summary
from .names import Stems
from .parts import OutputFiles, Render

SCAN_STEM = "scan"


class ScanFormat(Protocol):
    """A format of a whole scan: the text before, for each source, and after."""

    def head(self, summary: Summary) -> str:
        """Return what comes before the first source."""

    def body(self, document: Document) -> str:
        """Return one source's part."""

    def tail(self, summary: Summary) -> str:
        """Return what comes after the last source."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way to export. `suffix` is that of its main file.

    `load()` imports it and returns, per source, a `parts.Render`; per scan, a function without
    arguments that returns a `ScanFormat`.
    """

    name: str
    suffix: str
    per: Literal["source", "scan"]
    description: str
    load: Callable[[], Callable[..., Any]]
    subtitles: bool = False
    """players load it by itself where it is called as the video is"""


def _source(
    name: str, suffix: str, module: str, description: str, *, subtitles: bool = False
) -> Format:
    def load() -> Render:
        return cast(Render, import_module(f".{module}", __package__).render)

    return Format(name, suffix, "source", description, load, subtitles)


def _scan(name: str, suffix: str, module: str, description: str) -> Format:
    def load() -> Callable[[], ScanFormat]:
        found = import_module(f".{module}", __package__)
        return lambda: cast(ScanFormat, getattr(found, module.capitalize(), lambda: found)())

    return Format(name, suffix, "scan", description, load)


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        _source("json", ".json", "source_json", "everything about a source but its frames"),
        _source("csv", ".csv", "events_csv", "one row per event, for spreadsheets"),
        _source(
            "statistics",
            ".statistics.csv",
            "frame_statistics",
            "per-frame measurements, as a table and as NumPy arrays (.arrays.npz)",
        ),
        _source(
            "vectors",
            ".vectors.npz",
            "vectors",
            "vectors of frames and objects, as NumPy arrays without a pickle",
        ),
        _source("srt", ".srt", "srt", "SubRip subtitles, one cue per event", subtitles=True),
        _source("vtt", ".vtt", "vtt", "WebVTT subtitles, one cue per event", subtitles=True),
        _source("edl", ".edl", "edl", "CMX3600 cut list of the events' clips, for editors"),
        _source(
            "legacy",
            ".legacy.json",
            "legacy",
            "JSON plus a pickle (.legacy.pkl), for readers of that older layout",
        ),
        _scan("coco", ".coco.json", "coco", "boxes and masks of a scan in COCO's layout"),
        _scan("jsonl", ".jsonl", "events_jsonl", "every event of a scan, one a line"),
        _scan("html", ".html", "report", "one page with pictures, to look at or send"),
    )
}


def check_formats(names: Iterable[str]) -> None:
    """Raise UnknownName (a UsageError) for the first name that is no format."""
    for name in names:
        if name not in FORMATS:
            raise UnknownName(
                f"unknown export format '{clean(name)}'{nearest(name, list(FORMATS))}"
                f"; known are {', '.join(FORMATS)}"
            )


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
        for suffix, content in each.load()(document, beside).items():
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
        open_formats: list[tuple[ScanFormat, atomic.Sink]] = [
            (each.load()(), stack.enter_context(atomic.replacing(path)))
            for each, path in zip(chosen, paths, strict=True)
        ]
        for layout, sink in open_formats:
            sink.write(layout.head(summary))
        for document in documents:
            for layout, sink in open_formats:
                sink.write(layout.body(document))
        for layout, sink in open_formats:
            sink.write(layout.tail(summary))
    return paths


def _chosen(names: Sequence[str], per: str) -> list[Format]:
    check_formats(names)
    return [FORMATS[name] for name in dict.fromkeys(names) if FORMATS[name].per == per]
