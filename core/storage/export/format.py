"""What an export format is: each is a `Format` in a file of its own, named in `table.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .document import Document, Summary
from .parts import Content


class ScanFormat(Protocol):
    """A format of a whole scan: the text before, for each source, and after."""

    def head(self, summary: Summary) -> str:
        """Return what comes before the first source."""

    def body(self, document: Document) -> str:
        """Return one source's part."""

    def tail(self, summary: Summary) -> str:
        """Return what comes after the last source."""


class FolderFormat(Protocol):
    """A format of a whole scan in files of its own: (path inside its folder, content) of each."""

    def body(self, document: Document, stem: str) -> Iterator[tuple[str, Content]]:
        """Yield one source's files; `stem` is what their names begin with."""

    def tail(self, summary: Summary) -> Iterator[tuple[str, Content]]:
        """Yield the files of the whole scan."""


@dataclass(frozen=True, slots=True)
class ScanFunctions:
    """A format of a whole scan that keeps nothing from one source to the next."""

    head: Callable[[Summary], str]
    body: Callable[[Document], str]
    tail: Callable[[Summary], str]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to export."""

    name: str
    """as in the table"""
    suffix: str
    """of its main file, from the first dot on"""
    per: Literal["source", "scan", "folder"]
    """one file (or few) per source, one per scan, or a folder per scan"""
    description: str
    """one line of description"""
    make: Callable[..., Any]
    """per source a `parts.Render`; per scan and folder a function without arguments that returns
    a `ScanFormat` or a `FolderFormat`"""
    subtitles: bool = False
    """players load it by itself where it is called as the video is"""
    sidecar: bool = False
    """other programs write files of this name beside the source: none of those is replaced"""
    statistics: bool = False
    """wants the measurements of every frame in the documents"""
    pictures: bool = False
    """wants a thumbnail of each event in the documents"""
    frames: bool = False
    """wants to read the pictures of frames (`Document.frame_pictures`)"""
    candidates: bool = True
    """wants the candidates in the documents: without them, many pictures are read faster"""
    pictures_together: Callable[[], ScanFormat] | None = None
    """of a format per source: writes all pictures of a scan into one file, in place of one each"""
    holds: Callable[[Document], bool] | None = None
    """whether a source has anything that the format contains: a picture without gets no file"""
    contains: str = ""
    """with `holds`: what the format contains, in words"""
