"""`vectors`: the vectors of one source's frames and objects, as arrays.

`vectors` is float32 (rows, dimension); `frames` int64 and `seconds` float64 of shape (rows,);
`boxes` float32 (rows, 4), x, y, width, height in source pixels, NaN for a whole frame; `labels`
the objects' names, empty for a whole frame. `model`, `revision`, `quantisation` and `precision` say
what made them, as text of shape ().
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import archive, made_by
from .document import Document
from .format import Format
from .parts import OutputFiles, Parts

_WHOLE = (np.nan,) * 4


@cache
def _empty() -> bytes:
    """Return the archive of a source without vectors."""
    columns: dict[str, NDArray[Any]] = {
        "vectors": np.zeros((0, 0), np.float32),
        "frames": np.zeros(0, np.int64),
        "seconds": np.zeros(0, np.float64),
        "labels": np.zeros(0, np.str_),
        "boxes": np.zeros((0, 4), np.float32),
    }
    nothing = {
        name: np.array("", np.str_) for name in ("model", "revision", "quantisation", "precision")
    }
    return archive((columns | nothing).items())


def has_vectors(document: Document) -> bool:
    """Return whether anything was embedded."""
    return any(
        notes.vector is not None or any(thing.vector is not None for thing in notes.things)
        for notes in document.frame_notes
    )


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.vectors.npz`; with no rows where nothing was embedded."""
    rows = []
    for notes in document.frame_notes:
        if notes.vector is not None:
            rows.append((notes, "", _WHOLE, notes.vector))
        rows += [
            (notes, thing.label, thing.box, thing.vector)
            for thing in notes.things
            if thing.vector is not None
        ]
    if not rows:
        return {".vectors.npz": _empty()}
    stages = (notes.stages.get("vector", "") for notes, *_ in rows)
    dimension = len(rows[0][3])
    columns: dict[str, NDArray[Any]] = {
        "vectors": np.array([row[3] for row in rows], np.float32).reshape(len(rows), dimension),
        "frames": np.array([row[0].frame for row in rows], np.int64),
        "seconds": np.array([row[0].seconds for row in rows], np.float64),
        "labels": np.array([row[1] for row in rows], np.str_),
        "boxes": np.array([row[2] for row in rows], np.float32).reshape(len(rows), 4),
    }
    return {".vectors.npz": archive((columns | made_by(document, next(stages, ""))).items())}


FORMAT = Format(
    "vectors",
    ".vectors.npz",
    "source",
    "vectors of frames and objects, as NumPy arrays without a pickle",
    render,
    candidates=False,
    holds=has_vectors,
    contains="vectors",
)
