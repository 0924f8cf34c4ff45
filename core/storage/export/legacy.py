"""`legacy`: JSON metadata plus a pickle, for readers of the older two-file layout.

Written only; sightline never reads it back, since opening a pickle can run code. The pickle
holds nothing but built-in types (dict, list, str, int, float, bool, None, bytes), so that a
reader needs no class of sightline and may refuse every global. Arrays are bytes with their
`dtype` and `shape` beside them: `numpy.frombuffer(bytes, dtype).reshape(shape)`.
"""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .document import FORMAT_VERSION, Document, Statistics
from .format import Format
from .parts import OutputFiles, Parts
from .shapes import dumps, heading, plain, record

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
        "provenance": plain(document.provenance),
    }
    return {
        ".legacy.json": dumps(metadata) + "\n",
        ".legacy.pkl": pickle.dumps(_results(document), protocol=_PROTOCOL),
    }


def _results(document: Document) -> dict[str, Any]:
    found = {
        "events": [record(moment) for moment in document.moments],
        "candidates": [record(candidate) for candidate in document.candidates],
    }
    # A pickle notes which strings are the same object; through JSON none are by accident, so
    # that equal documents give equal bytes however they came about.
    results: dict[str, Any] = json.loads(dumps(found, indent=None))
    results["thumbnails"] = {
        int(number): bytes(memoryview(document.thumbnails[number]))
        for number in sorted(document.thumbnails)
    }
    results["statistics"] = [_statistics(each) for each in document.statistics]
    return results


def _statistics(each: Statistics) -> dict[str, Any]:
    named: dict[str, Any] = json.loads(dumps({"stage": each.stage, "columns": each.columns}))
    named["indices"] = _array(each.indices, "<i8")
    named["seconds"] = _array(each.seconds, "<f8")
    named["values"] = _array(each.values, "<f4")
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
