"""Boxes around what was asked for, or around what a closed detector knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field

from ..config.model_settings import GatedSection
from ..config.section import Section, Share
from ..config.spec import Spec, tagged_hash
from ..config.stages import ModelKind, Slot, StageDeclaration
from ..errors import ProfileError
from ..models.protocols import Detector, Pixels
from ..records import Box
from ..text import counted
from .answer_bodies import with_score
from .frames import longest_side
from .leases import ModelLeases
from .objects import tags_of
from .stage import Answer, LazyFrame, PriorAnswers, Question

OVERLAP_SHARE = 0.2
"""of a tile that its neighbour shows too"""
SAME_IOU = 0.55
"""boxes of one label that overlap by more are one thing, seen in two tiles"""


@dataclass(frozen=True, slots=True)
class _View:
    """A part of a frame given to the detector, and where it lies in it."""

    picture: Pixels
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class _Prepared:
    raw: Any
    views: list[list[_View]]


class Detect(GatedSection):
    """Object detection: labelled boxes."""

    model: str = Field("grounding-dino-tiny", min_length=1, description="a detector")
    labels: tuple[str, ...] = Field(
        (), description="objects to detect; empty: each frame's tags (open vocabulary only)"
    )
    threshold: Share = Field(0.3, description="minimum score of a box")
    tiles: int = Field(
        1, ge=1, le=8, description="also detect on N by N overlapping tiles, to find small "
        "objects",
    )  # fmt: skip
    tracks: bool = Field(True, description="link boxes that show the same object across frames")


class DetectedBox(BaseModel):
    """`box` is x, y, width, height in source pixels."""

    label: str
    score: float
    box: tuple[float, float, float, float]


class DetectBody(BaseModel):
    """The objects of a frame, the surest first."""

    objects: list[DetectedBox]


class DetectStage(StageDeclaration):
    """Keeps, per frame, labelled boxes in source pixels, the surest first."""

    name: ClassVar[str] = "detect"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Detect
    uses: ClassVar[tuple[str, ...]] = ("tag",)
    accepts: ClassVar[tuple[ModelKind, ...]] = ("detector",)
    slot: ClassVar[Slot] = "objects"
    Body: ClassVar[Any] = DetectBody

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return the boxes with their scores, in source pixels."""
        return "objects: " + "; ".join(map(_box_line, body["objects"]))

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Choose the detector and the labels it detects."""
        leases.check(self.name, *self.accepts)
        with leases.lease(self.name) as model:
            self._open = bool(getattr(model, "open_vocabulary", False))
            known = tuple(getattr(model, "labels", ()))
        # In one order always: a detector that reads them as a sentence minds it.
        self._labels = tuple(sorted(self._known(spec, known)))
        if self._open and not self._labels and "tag" not in spec.stages:
            raise ProfileError(
                "detect: this detector needs labels to look for; set detect.labels, or add "
                "'tag' to the stages to look for each frame's tags"
            )
        self._threshold = spec.settings(Detect).threshold
        self._tiles = spec.settings(Detect).tiles
        self.asked = leases.asked(
            self.name,
            self.version,
            {
                "labels": list(self._labels),
                "threshold": self._threshold,
                "tiles": self._tiles,
                "side": longest_side(spec),
            },
        )
        self.batch_size = leases.batch_size(self.name, spec.models.batch_size)

    def questions(
        self, shown: Sequence[LazyFrame], prior: Sequence[PriorAnswers]
    ) -> list[Question]:
        """Ask once per frame: for the labels given, or for its own tags."""
        if self._labels or not self._open:
            return [Question(row, "", self._labels) for row in range(len(shown))]
        tags = [tuple(sorted(tags_of(each))) for each in prior]
        return [
            Question(row, tagged_hash("labels", own), own) for row, own in enumerate(tags) if own
        ]

    def prepare(
        self, model: Detector, shown: Sequence[LazyFrame], questions: Sequence[Question]
    ) -> _Prepared:
        """Resize and tokenise each frame, and its tiles where there are any."""
        views = [_views(shown[q.row].pixels, self._tiles) for q in questions]
        pictures = [view.picture for each in views for view in each]
        labels = [q.about for q, each in zip(questions, views, strict=True) for _ in each]
        return _Prepared(model.prepare(pictures, labels), views)

    def infer(self, model: Detector, prepared: _Prepared) -> _Prepared:
        """Detect."""
        return replace(prepared, raw=model.detect(prepared.raw))

    def finish(
        self, model: Detector, raw: _Prepared, asked: Sequence[tuple[LazyFrame, Question]]
    ) -> list[Answer]:
        """Return the boxes of each frame, those of its tiles merged, in source pixels."""
        found = iter(model.finish(raw.raw, self._threshold))
        said = []
        for (shown, question), views in zip(asked, raw.views, strict=True):
            boxes = [_moved(box, view) for view in views for box in next(found)]
            wanted = set(question.about) if self._labels and not self._open else None
            kept = [b for b in _merged(boxes) if wanted is None or b.label in wanted]
            said.append(Answer({"objects": [_object(box, shown) for box in kept]}))
        return said

    def _known(self, spec: Spec, known: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [label for label in spec.settings(Detect).labels if label not in known]
        if unknown and not self._open:
            from ..text import nearest

            raise ProfileError(
                f"detect.labels: this detector does not know '{unknown[0]}'"
                f"{nearest(unknown[0], list(known))}; it knows "
                f"{counted(len(known), 'label')} of its own"
            )
        return spec.settings(Detect).labels


def _box_line(found: Mapping[str, Any]) -> str:
    x, y, width, height = found["box"]
    name = with_score(found["label"], found["score"])
    return f"{name} at {x:.0f},{y:.0f} {width:.0f}x{height:.0f}"


def iou(one: Box, other: Box) -> float:
    """Return the intersection over the union of two boxes."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(across, 0.0) * max(down, 0.0)
    either = one.width * one.height + other.width * other.height - both
    return both / either if either > 0 else 0.0


def _views(picture: Pixels, tiles: int) -> list[_View]:
    """Return the whole picture, and with `tiles` > 1 as many by as many overlapping parts."""
    whole = [_View(picture, 0, 0)]
    if tiles == 1:
        return whole
    height, width = picture.shape[:2]
    return whole + [
        _View(np.ascontiguousarray(picture[top:bottom, left:right]), left, top)
        for top, bottom in _parts(height, tiles)
        for left, right in _parts(width, tiles)
    ]


def _parts(size: int, tiles: int) -> list[tuple[int, int]]:
    length = min(size, round(size / (tiles - (tiles - 1) * OVERLAP_SHARE)))
    starts = [round(n * (size - length) / (tiles - 1)) for n in range(tiles)]
    return [(start, start + length) for start in starts]


def _moved(box: Box, view: _View) -> Box:
    return replace(box, x=box.x + view.left, y=box.y + view.top)


def _merged(boxes: list[Box]) -> list[Box]:
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda each: -each.score):
        if all(box.label != k.label or iou(box, k) < SAME_IOU for k in kept):
            kept.append(box)
    return kept


def _object(box: Box, shown: LazyFrame) -> dict[str, Any]:
    scale = shown.scale
    corners = (box.x * scale, box.y * scale, box.width * scale, box.height * scale)
    return {
        "label": box.label,
        "score": round(box.score, 4),
        "box": [round(value, 1) for value in corners],
    }
