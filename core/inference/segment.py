"""A mask for each box that `detect` found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..config.spec import Spec
from ..models.protocols import Segmenter
from .frames import longest_side
from .leases import Lending
from .objects import boxes_of, in_shown_pixels, part_of, runs
from .stage import Noted, Question, Said, Shown


class SegmentLook:
    """Keeps a mask per object, as run lengths at the size of the frame that was shown."""

    name: ClassVar[str] = "segment"
    version: ClassVar[int] = 1

    def open(self, lending: Lending, spec: Spec) -> None:
        """Settle on the segmenter."""
        lending.check(self.name, "segmenter")
        self.asked = lending.asked(self.name, self.version, {"side": longest_side(spec)})
        self.batch_size = lending.batch_size(self.name, spec.models.batch_size)

    def questions(self, shown: Sequence[Shown], noted: Sequence[Noted]) -> list[Question]:
        """Ask for each object."""
        return [
            Question(row, part_of(box), box)
            for row in range(len(shown))
            for box in boxes_of(noted[row])
        ]

    def prepare(
        self, model: Segmenter, shown: Sequence[Shown], questions: Sequence[Question]
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
        self, model: Segmenter, raw: Any, asked: Sequence[tuple[Shown, Question]]
    ) -> list[Said]:
        """Return each object's mask, given back to its own question."""
        rows, output = raw
        masks = dict(zip(rows, map(iter, model.finish(output)), strict=True))
        return [Said({"mask": runs(next(masks[q.row]))}) for _, q in asked]
