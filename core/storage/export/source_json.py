"""`json`: everything known about one source except its per-frame measurements."""

from __future__ import annotations

from typing import Any

from .document import FORMAT_VERSION, Document
from .format import Format
from .parts import SCAN_STEM, OutputFiles, Parts
from .rendered_provenance import provenance_text
from .shapes import (
    candidate_records,
    dumps_lines,
    event_records,
    heading,
    look,
    plain,
)

NAME = "sightline.source"


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.json`, which `source.schema.json` describes; seconds have 6 decimals."""
    return {".json": dumps_lines(body(document, beside)) + "\n"}


def body(document: Document, beside: OutputFiles) -> dict[str, Any]:
    """Return the JSON's content; `statistics` is null unless they are exported alongside."""
    return {
        "format": NAME,
        "version": FORMAT_VERSION,
        **heading(document),
        "filter": document.narrowed,
        "events": list(event_records(document)),
        "candidates": list(candidate_records(document)),
        "looks": [look(notes, masks=True) for notes in document.frame_notes],
        "verdicts": plain(document.verdicts),
        "remarks": plain(document.remarks),
        "statistics": _statistics(document, beside),
        "arrays": _arrays(document, beside),
        "warnings": plain(document.warnings),
        "provenance": provenance_text(document.provenance),
    }


def _arrays(document: Document, beside: OutputFiles) -> dict[str, str]:
    """Return the files of vectors and masks that are exported alongside, by format."""
    suffixes = {"vectors": ".vectors.npz"}
    if any(thing.mask for notes in document.frame_notes for thing in notes.things):
        suffixes["masks"] = ".masks.npz"
    return {
        name: f"{beside.stem}{suffix}"
        for name, suffix in suffixes.items()
        if name in beside.formats
    }


def _statistics(document: Document, beside: OutputFiles) -> dict[str, Any] | None:
    if "statistics" not in beside.formats:
        return None
    is_picture = document.source.kind == "picture"
    return {
        "table": f"{SCAN_STEM if is_picture else beside.stem}.statistics.csv",
        "arrays": None if is_picture else f"{beside.stem}.arrays.npz",
        "stages": [
            {"stage": each.stage, "columns": list(each.columns), "frames": len(each.indices)}
            for each in document.statistics
        ],
    }


FORMAT = Format("json", ".json", "source", "everything about a source except its frames", render)
