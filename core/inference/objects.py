"""Objects found in frames: their boxes in source pixels, their cut-outs, their masks as runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config.stages import Slot, declaration
from ..models.protocols import Pixels
from ..records import Box
from ..stores.answers import Annotation
from .stage import PriorAnswers

MARGIN_SHARE = 0.08
"""of a box's size that its cut-out shows around it"""
LEAST_PIXELS = 2


def boxes_of(prior: PriorAnswers) -> list[Box]:
    """Return what `detect` found on a frame, in source pixels, in its order."""
    return [
        Box(each["label"], each["score"], *each["box"])
        for annotation in _in_slot(prior, "objects")
        for each in annotation.body.get("objects", ())
    ]


def part_of(box: Box) -> str:
    """Return what names an object of a frame: its box, in whole source pixels."""
    return f"{box.x:.0f},{box.y:.0f},{box.width:.0f},{box.height:.0f}"


def in_shown_pixels(box: Box, scale: float) -> Box:
    """Return a box of source pixels in pixels that are `scale` source pixels wide."""
    scale = 1.0 / scale
    return Box(
        box.label, box.score, box.x * scale, box.y * scale, box.width * scale, box.height * scale
    )


def cut_out(picture: Pixels, scale: float, box: Box) -> Pixels:
    """Return the part of a frame an object takes, with a little around it; never empty."""
    height, width = picture.shape[:2]
    inside = in_shown_pixels(box, scale)
    left, right = _span(inside.x, inside.width, width)
    top, bottom = _span(inside.y, inside.height, height)
    return np.ascontiguousarray(picture[top:bottom, left:right])


def runs(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a mask as COCO's uncompressed run lengths: column by column, zeros first."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], changes, [flat.size]])
    counts = np.diff(edges).tolist() if flat.size else []
    if flat.size and flat[0]:
        counts.insert(0, 0)
    return {"size": [int(mask.shape[0]), int(mask.shape[1])], "counts": counts}


def from_runs(encoded: dict[str, Any]) -> NDArray[np.bool_]:
    """Return the mask, bool (height, width), that `runs` encoded."""
    height, width = encoded["size"]
    counts: Sequence[int] = encoded["counts"]
    values = np.arange(len(counts)) % 2 == 1
    mask: NDArray[np.bool_] = np.repeat(values, counts).reshape((height, width), order="F")
    return mask


def tags_of(prior: PriorAnswers) -> list[str]:
    """Return the words `tag` gave a frame, the surest first."""
    return [
        str(each["tag"])
        for annotation in _in_slot(prior, "tags")
        for each in annotation.body.get("tags", ())
    ]


def _in_slot(prior: PriorAnswers, slot: Slot) -> Iterator[Annotation]:
    """Yield the answers of the stages that fill a slot of a frame."""
    for stage, answers in prior.items():
        if declaration(stage).slot == slot:
            yield from answers


def _span(start: float, length: float, size: int) -> tuple[int, int]:
    margin = length * MARGIN_SHARE
    low = int(np.clip(np.floor(start - margin), 0, max(size - LEAST_PIXELS, 0)))
    high = int(np.clip(np.ceil(start + length + margin), low + min(LEAST_PIXELS, size), size))
    return low, high
