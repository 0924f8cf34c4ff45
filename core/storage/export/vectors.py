"""`vectors`: the vectors of one source's frames and objects, as arrays.

`vectors` is float32 (rows, dimension); `frames` int64 and `seconds` float64 of shape (rows,);
`boxes` float32 (rows, 4), x, y, width, height in source pixels, NaN for a whole frame; `labels`
the objects' names, empty for a whole frame.
"""

from __future__ import annotations

import io

import numpy as np

from .document import Document
from .format import Format
from .parts import OutputFiles, Parts

_WHOLE = (np.nan,) * 4


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
    out = io.BytesIO()
    dimension = len(rows[0][3]) if rows else 0
    np.savez(
        out,
        vectors=np.array([row[3] for row in rows], np.float32).reshape(len(rows), dimension),
        frames=np.array([row[0].frame for row in rows], np.int64),
        seconds=np.array([row[0].seconds for row in rows], np.float64),
        labels=np.array([row[1] for row in rows], np.str_),
        boxes=np.array([row[2] for row in rows], np.float32).reshape(len(rows), 4),
    )
    return {".vectors.npz": out.getvalue()}


FORMAT = Format(
    "vectors",
    ".vectors.npz",
    "source",
    "vectors of frames and objects, as NumPy arrays without a pickle",
    render,
)
