"""What an export format is: each is a `Format` in a file of its own, named in `table.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .document import Document, Summary


class ScanFormat(Protocol):
    """A format of a whole scan: the text before, for each source, and after."""

    def head(self, summary: Summary) -> str:
        """Return what comes before the first source."""

    def body(self, document: Document) -> str:
        """Return one source's part."""

    def tail(self, summary: Summary) -> str:
        """Return what comes after the last source."""


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
    per: Literal["source", "scan"]
    description: str
    """one line of description"""
    make: Callable[..., Any]
    """per source a `parts.Render`; per scan a function without arguments that returns a
    `ScanFormat`"""
    subtitles: bool = False
    """players load it by itself where it is called as the video is"""
    statistics: bool = False
    """wants the measurements of every frame in the documents"""
    pictures: bool = False
    """wants a thumbnail of each event in the documents"""
