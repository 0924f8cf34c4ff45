"""`legacy`: JSON metadata plus a pickle, for readers of the older two-file layout.

Written only; sightline never reads it back, since opening a pickle can run code. The pickle
holds nothing but built-in types (dict, list, str, int, float, bool, None, bytes), so that a
reader needs no class of sightline and may refuse every global. Arrays are bytes with their
`dtype` and `shape` beside them: `numpy.frombuffer(bytes, dtype).reshape(shape)`. A mask is the part
of the source's pixels from its `x`, `y` on that it covers.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .document import FORMAT_VERSION, Document, FrameNotes, Statistics
from .format import Format
from .masks import decoded, resized
from .parts import OutputFiles, Parts
from .rendered_provenance import provenance_text
from .shapes import (
    candidate_records,
    dumps,
    dumps_lines,
    event_records,
    heading,
    look,
    plain,
)

NAME = "sightline.legacy"
# Named, not the default, so that the bytes do not change with Python. Older ones pickle bytes
# by way of a function.
_PROTOCOL = 4


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.legacy.json` (what and with which spec) and `.legacy.pkl` (the results)."""
    metadata = {
        "format": NAME,
        "version": FORMAT_VERSION,
        "pickle": f"{beside.stem}.legacy.pkl",
        **heading(document),
        "warnings": plain(document.warnings),
        "provenance": provenance_text(document.provenance),
    }
    return {
        ".legacy.json": dumps_lines(metadata) + "\n",
        ".legacy.pkl": pickle.dumps(_results(document), protocol=_PROTOCOL),
    }


def _results(document: Document) -> dict[str, Any]:
    found = {
        "events": list(event_records(document)),
        "candidates": list(candidate_records(document)),
    }
    # A pickle notes which strings are the same object; through JSON none are by accident, so
    # that equal documents give equal bytes however they came about.
    results: dict[str, Any] = json.loads(dumps(found, indent=None))
    results["thumbnails"] = {
        int(number): bytes(memoryview(document.thumbnails[number]))
        for number in sorted(document.thumbnails)
    }
    results["frames"] = [_frame(document, notes) for notes in document.frame_notes]
    for name in ("verdicts", "remarks"):
        kept = getattr(document, name)
        results[name] = json.loads(dumps(plain(kept), indent=None)) if kept else []
    results["statistics"] = [_statistics(each) for each in document.statistics]
    return results


def _frame(document: Document, notes: FrameNotes) -> dict[str, Any]:
    """Return what models said of a frame, as in `json`, with masks and vectors as arrays."""
    found: dict[str, Any] = json.loads(dumps(look(notes), indent=None))
    found["vector"] = None if notes.vector is None else _array(notes.vector, "<f4")
    for shown, thing in zip(found["objects"], notes.things, strict=True):
        shown["vector"] = None if thing.vector is None else _array(thing.vector, "<f4")
        shown["mask"] = None if thing.mask is None else _mask(document, thing.mask)
    return found


def _mask(document: Document, runs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a mask that covers anything, and where in the source it lies."""
    whole = decoded(resized(runs, document.source.height, document.source.width))
    rows, columns = (np.flatnonzero(whole.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return {"x": 0, "y": 0, **_array(whole[:0, :0], "|b1")}
    top, left = int(rows[0]), int(columns[0])
    part = whole[top : rows[-1] + 1, left : columns[-1] + 1]
    return {"x": left, "y": top, **_array(part, "|b1")}


def _statistics(each: Statistics) -> dict[str, Any]:
    named = dict(_named(each.stage, each.columns))
    named["columns"] = list(named["columns"])
    named["indices"] = _array(each.indices, "<i8")
    named["seconds"] = _array(each.seconds, "<f8")
    named["values"] = _array(each.values, "<f4")
    return named


@lru_cache(64)
def _named(stage: str, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return what is the same for many pictures; of strings that are those of no other object."""
    named: dict[str, Any] = json.loads(dumps({"stage": stage, "columns": columns}))
    return named


def _array(array: NDArray[Any], dtype: str) -> dict[str, Any]:
    stored = np.ascontiguousarray(array, dtype=dtype)
    return {"dtype": dtype, "shape": list(stored.shape), "bytes": stored.tobytes()}


FORMAT = Format(
    "legacy",
    ".legacy.json",
    "source",
    "JSON plus a pickle (.legacy.pkl), for readers of that older layout",
    render,
    statistics=True,
    pictures=True,
)
