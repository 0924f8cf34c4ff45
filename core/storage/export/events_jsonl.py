"""`jsonl`: every event of a scan, one JSON object a line, for streaming tools."""

from __future__ import annotations

from ...text import file_uri
from .document import Document, Summary
from .format import Format, ScanFunctions
from .shapes import dumps, record


def head(summary: Summary) -> str:
    """Return nothing: a line is an event."""
    return ""


def body(document: Document) -> str:
    """Return one line per event: `source` (path), `uri`, `content` (hash), then the event."""
    path = document.source.path
    known = {"source": path, "uri": file_uri(path), "content": document.source.content}
    return "".join(
        dumps({**known, **record(moment)}, indent=None) + "\n" for moment in document.moments
    )


def tail(summary: Summary) -> str:
    """Return nothing."""
    return ""


FORMAT = Format(
    "jsonl",
    ".jsonl",
    "scan",
    "every event of a scan, one a line",
    lambda: ScanFunctions(head, body, tail),
)
