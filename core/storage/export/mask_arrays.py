"""`masks`: the masks of one source's objects, as arrays of the source's size.

Entries `mask.0`, `mask.1`, .. are bool (height, width), each read only when it is asked for. Of the
same order are `frames` int64, `seconds` float64, `labels`, `scores` float32 and `tracks` int64 (-1:
none), all (masks,), and `boxes` float32 (masks, 4): x, y, width, height in source pixels.
`model`, `revision` and `quantisation` say what made them.
"""

from __future__ import annotations

import numpy as np

from .arrays import archive, made_by
from .document import Document
from .format import Format
from .masks import decoded, resized
from .parts import OutputFiles, Parts


def has_masks(document: Document) -> bool:
    """Return whether any object has a mask."""
    return any(thing.mask is not None for notes in document.frame_notes for thing in notes.things)


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.masks.npz`; nothing where the source has no masks."""
    found = [
        (notes, thing)
        for notes in document.frame_notes
        for thing in notes.things
        if thing.mask is not None
    ]
    if not found:
        return {}
    height, width = document.source.height, document.source.width
    stage = found[0][0].stages.get("mask", "")
    columns = {
        "frames": np.array([notes.frame for notes, _ in found], "<i8"),
        "seconds": np.array([notes.seconds for notes, _ in found], "<f8"),
        "labels": np.array([thing.label for _, thing in found], np.str_),
        "scores": np.array([thing.score for _, thing in found], "<f4"),
        "tracks": np.array([-1 if t.track is None else t.track for _, t in found], "<i8"),
        "boxes": np.array([thing.box for _, thing in found], "<f4").reshape(len(found), 4),
        **made_by(document, stage),
    }
    masks = (
        (f"mask.{n}", decoded(resized(thing.mask or {}, height, width)))
        for n, (_, thing) in enumerate(found)
    )
    return {".masks.npz": archive([*columns.items()], masks)}


FORMAT = Format(
    "masks",
    ".masks.npz",
    "source",
    "masks of objects at the source's size, as NumPy arrays without pickles",
    render,
    candidates=False,
    holds=has_masks,
    contains="masks",
)
