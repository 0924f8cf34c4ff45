"""A mask for each box that `detect` found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..config.spec import Spec
from ..models.protocols import Segmenter
from .frames import longest_side
from .leases import ModelLeases
from .objects import boxes_of, in_shown_pixels, part_of, runs
from .stage import Answer, LazyFrame, PriorAnswers, Question


class SegmentStage:
    """Keeps a mask per object, as run lengths at the size of the frame that was shown."""

    name: ClassVar[str] = "segment"
    version: ClassVar[int] = 1

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Settle on the segmenter."""
        leases.check(self.name, "segmenter")
        self.asked = leases.asked(self.name, self.version, {"side": longest_side(spec)})
        self.batch_size = leases.batch_size(self.name, spec.models.batch_size)

    def questions(
        self, shown: Sequence[LazyFrame], prior: Sequence[PriorAnswers]
    ) -> list[Question]:
        """Ask for each object."""
        return [
            Question(row, part_of(box), box)
            for row in range(len(shown))
            for box in boxes_of(prior[row])
        ]

    def prepare(
        self, model: Segmenter, shown: Sequence[LazyFrame], questions: Sequence[Question]
    ) -> Any:
        """Give each frame once, with all of its boxes."""
        rows = list(dict.fromkeys(q.row for q in questions))
        boxes = [
            [in_shown_pixels(q.about, shown[row].scale) for q in questions if q.row == row]
            for row in rows
        ]
        return rows, model.prepare([shown[row].pixels for row in rows], boxes)

    def infer(self, model: Segmenter, prepared: Any) -> Any:
        """Segment."""
        rows, inputs = prepared
        return rows, model.segment(inputs)

    def finish(
        self, model: Segmenter, raw: Any, asked: Sequence[tuple[LazyFrame, Question]]
    ) -> list[Answer]:
        """Return each object's mask, given back to its own question."""
        rows, output = raw
        masks = dict(zip(rows, map(iter, model.finish(output)), strict=True))
        return [Answer({"mask": runs(next(masks[q.row]))}) for _, q in asked]
