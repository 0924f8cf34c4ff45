"""`json`: everything known about one source except its per-frame measurements."""

from __future__ import annotations

from typing import Any

from .document import FORMAT_VERSION, Document
from .format import Format
from .parts import OutputFiles, Parts
from .shapes import (
    Rendered,
    candidate_records,
    dumps,
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
        "provenance": _PROVENANCE.of(document.provenance),
    }


class _LastRendered:
    """The provenance that was rendered last: the pictures of a scan share one."""

    def __init__(self) -> None:
        self._last: tuple[Any, Rendered] = (None, Rendered("null"))

    def of(self, found: dict[str, Any]) -> Rendered:
        """Return a provenance as JSON. Any thread may call."""
        kept, text = self._last
        if kept is not found:
            text = Rendered(dumps(plain(found), indent=None))
            self._last = found, text
        return text


_PROVENANCE = _LastRendered()


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
    return {
        "table": f"{beside.stem}.statistics.csv",
        "arrays": f"{beside.stem}.arrays.npz",
        "stages": [
            {"stage": each.stage, "columns": list(each.columns), "frames": len(each.indices)}
            for each in document.statistics
        ],
    }


FORMAT = Format("json", ".json", "source", "everything about a source except its frames", render)
