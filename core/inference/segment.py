"""A mask for each box that `detect` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from ..config.model_settings import GatedSection
from ..config.section import Section
from ..config.spec import Spec
from ..config.stages import ModelKind, Slot, StageDeclaration
from ..models.protocols import Segmenter
from .frames import longest_side
from .leases import ModelLeases
from .objects import boxes_of, in_shown_pixels, part_of, runs
from .stage import Answer, LazyFrame, PriorAnswers, Question


class Segment(GatedSection):
    """A segmentation mask of each box."""

    model: str = Field("sam2-tiny", min_length=1, description="a segmenter")


class RunLengths(BaseModel):
    """COCO's uncompressed run lengths: `size` is height, width; column by column, zeros first."""

    size: tuple[int, int]
    counts: list[int]


class SegmentBody(BaseModel):
    """The mask of one object, at the size of the frame that was shown."""

    mask: RunLengths


class SegmentStage(StageDeclaration):
    """Keeps a mask per object, as run lengths at the size of the frame that was shown."""

    name: ClassVar[str] = "segment"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Segment
    needs: ClassVar[tuple[str, ...]] = ("detect",)
    accepts: ClassVar[tuple[ModelKind, ...]] = ("segmenter",)
    slot: ClassVar[Slot] = "mask"
    Body: ClassVar[Any] = SegmentBody

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return the size of the mask in pixels."""
        height, width = body["mask"]["size"]
        return f"mask of {width}x{height}"

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Settle on the segmenter."""
        leases.check(self.name, *self.accepts)
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
