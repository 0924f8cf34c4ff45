"""`jsonl`: every event of a scan and every frame that models spoke of, one JSON object a line."""

from __future__ import annotations

from ...text import file_uri
from .document import Document, Summary
from .findings import EVENT
from .format import Format, ScanFunctions
from .shapes import dumps, event_records, look, plain


def head(summary: Summary) -> str:
    """Return nothing: each line is a result."""
    return ""


def body(document: Document) -> str:
    """Return a line for each event, frame that models spoke of, verdict and remark.

    Each has `source` (path), `uri`, `content` (hash) and `result`: event, frame, verdict or remark.
    """
    path = document.source.path
    known = {"source": path, "uri": file_uri(path), "content": document.source.content}
    found = [
        *((EVENT, fields) for fields in event_records(document)),
        *(("frame", look(notes, masks=True)) for notes in document.frame_notes),
        *(("verdict", plain(verdict)) for verdict in document.verdicts),
        *(("remark", plain(remark)) for remark in document.remarks),
    ]
    return "".join(
        dumps({**known, "result": result, **fields}, indent=None) + "\n" for result, fields in found
    )


def tail(summary: Summary) -> str:
    """Return nothing."""
    return ""


FORMAT = Format(
    "jsonl",
    ".jsonl",
    "scan",
    "events of a scan and answers of models, one per line",
    lambda: ScanFunctions(head, body, tail),
    candidates=False,
)
