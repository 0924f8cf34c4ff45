"""Vectors: of each frame, and of every object found in it, all of a microbatch in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..config.spec import Spec
from ..models.protocols import Embedder
from .frames import size_shown
from .leases import ModelLeases
from .objects import boxes_of, cut_out, part_of
from .stage import Answer, LazyFrame, PriorAnswers, Question

OBJECTS_PER_FRAME = 4
"""how many cut-outs a frame is reckoned to have when batches are sized"""


class EmbedStage:
    """Keeps a unit vector per frame and per object."""

    name: ClassVar[str] = "embed"
    version: ClassVar[int] = 1

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Settle on the embedder."""
        leases.check(self.name, "embedder")
        self.asked = leases.asked(self.name, self.version, size_shown(spec))
        self._objects = spec.embed.objects and "detect" in spec.stages
        wanted = spec.models.batch_size * (OBJECTS_PER_FRAME if self._objects else 1)
        self.batch_size = leases.batch_size(self.name, wanted)

    def questions(
        self, shown: Sequence[LazyFrame], prior: Sequence[PriorAnswers]
    ) -> list[Question]:
        """Ask for each frame, and for each of its objects."""
        found = [Question(row) for row in range(len(shown))]
        if self._objects:
            found += [
                Question(row, part_of(box), box)
                for row in range(len(shown))
                for box in boxes_of(prior[row])
            ]
        return found

    def prepare(
        self, model: Embedder, shown: Sequence[LazyFrame], questions: Sequence[Question]
    ) -> Any:
        """Cut objects out, resize, normalise."""
        pictures = [
            shown[q.row].pixels
            if q.about is None
            else cut_out(shown[q.row].pixels, shown[q.row].scale, q.about)
            for q in questions
        ]
        return model.prepare(pictures)

    def infer(self, model: Embedder, prepared: Any) -> Any:
        """Embed."""
        return model.embed(prepared)

    def finish(
        self, model: Embedder, raw: Any, asked: Sequence[tuple[LazyFrame, Question]]
    ) -> list[Answer]:
        """Return a vector each; what it is of, the question's part says."""
        return [Answer({}, vector) for vector in raw]
