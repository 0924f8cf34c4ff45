"""`json`: everything known about one source except its per-frame measurements."""

from __future__ import annotations

from typing import Any

from .document import FORMAT_VERSION, Document
from .format import Format
from .parts import OutputFiles, Parts
from .shapes import dumps, heading, look, plain, record

NAME = "sightline.source"


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.json`, which `source.schema.json` describes; seconds have 6 decimals."""
    return {".json": dumps(body(document, beside)) + "\n"}


def body(document: Document, beside: OutputFiles) -> dict[str, Any]:
    """Return the JSON's content; `statistics` is null unless they are exported alongside."""
    return {
        "format": NAME,
        "version": FORMAT_VERSION,
        **heading(document),
        "filter": document.narrowed,
        "events": [record(moment) for moment in document.moments],
        "candidates": [record(candidate) for candidate in document.candidates],
        "looks": [look(notes) for notes in document.frame_notes],
        "verdicts": plain(document.verdicts),
        "remarks": plain(document.remarks),
        "statistics": _statistics(document, beside),
        "warnings": plain(document.warnings),
        "provenance": plain(document.provenance),
    }


def _statistics(document: Document, beside: OutputFiles) -> dict[str, Any] | None:
    if "statistics" not in beside.formats:
        return None
    return {
        "table": f"{beside.stem}.statistics.csv",
        "arrays": f"{beside.stem}.arrays.npz",
        "stages": [
            {"stage": each.stage, "columns": list(each.columns), "frames": len(each.indices)}
            for each in document.statistics
        ],
    }


FORMAT = Format("json", ".json", "source", "everything about a source except its frames", render)
