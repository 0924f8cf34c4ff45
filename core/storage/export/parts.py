"""What a per-source format returns: the contents of its files, by suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .document import Document

Content = str | bytes | Iterable[str]
"""A file's whole content, or pieces of its text in order."""


SCAN_STEM = "scan"
"""what the names of a scan's own files begin with"""


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """What is written next to a file: the names' common stem and every format asked for."""

    stem: str
    formats: tuple[str, ...]


Parts = Mapping[str, Content]
"""Content of each file of a format, by suffix."""

Render = Callable[[Document, OutputFiles], Parts]
