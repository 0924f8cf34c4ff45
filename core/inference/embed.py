"""Vectors: of each frame, and of every object found in it, all of a microbatch in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..config.model_settings import GatedSection
from ..config.section import Section
from ..config.spec import Spec
from ..config.stages import ModelKind, Slot, StageDeclaration
from ..models.protocols import Embedder
from .frames import size_shown
from .leases import ModelLeases
from .objects import boxes_of, cut_out, part_of
from .stage import Answer, LazyFrame, PriorAnswers, Question

EMBEDDER_ON_GPU = "siglip2-so400m"
EMBEDDER_ON_CPU = "laion-vit-b32"
OBJECTS_PER_FRAME = 4
"""how many cut-outs a frame is reckoned to have when batches are sized"""


class Embed(GatedSection):
    """An embedding vector of each frame and each detected object."""

    model: str = Field(
        "auto",
        min_length=1,
        description="an embedder; auto is siglip2-so400m on a GPU, laion-vit-b32 on a CPU",
    )
    quantize: Literal["none", "8bit"] = Field(
        "none",
        description="8bit uses integer arithmetic: faster on a CPU, vectors slightly less exact",
    )
    objects: bool = Field(True, description="also embed every detected box")


class EmbedStage(StageDeclaration):
    """Keeps a unit vector per frame and per object."""

    name: ClassVar[str] = "embed"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Embed
    uses: ClassVar[tuple[str, ...]] = ("detect",)
    accepts: ClassVar[tuple[ModelKind, ...]] = ("embedder",)
    automatic: ClassVar[tuple[str, str]] = (EMBEDDER_ON_GPU, EMBEDDER_ON_CPU)
    slot: ClassVar[Slot] = "vector"

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return that there is a vector; it is stored beside the body, which is empty."""
        return "vector"

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Settle on the embedder."""
        leases.check(self.name, *self.accepts)
        self.asked = leases.asked(self.name, self.version, size_shown(spec))
        self._objects = spec.settings(Embed).objects and "detect" in spec.stages
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
