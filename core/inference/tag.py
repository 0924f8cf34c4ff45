"""Words for each frame: chosen from a vocabulary by an embedder, or given by a VLM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, field_validator

from ..config.model_settings import GatedSection
from ..config.section import FromFile, Section, Share
from ..config.spec import Spec, tagged_hash
from ..config.stages import ModelKind, PromptAnswer, Slot, StageDeclaration
from ..models.protocols import Embedder, VlmRequest
from ..text import clean
from .answer_bodies import with_score
from .frames import size_shown
from .leases import ModelLeases
from .stage import Answer, LazyFrame, PriorAnswers, Question
from .text_vectors import embedded
from .vlm import answered, completions, vlm_parameters
from .vocabulary import MOST_LETTERS, built_in, words_of


@dataclass(frozen=True, slots=True)
class _Vectors:
    """Frames that are embedded already: float32 (frames, dimension)."""

    vectors: NDArray[np.float32]


class Tag(GatedSection):
    """Tags of each frame."""

    model: str = Field("", description="an embedder, Florence-2 or a VLM; empty: embed.model")
    vocabulary: Annotated[tuple[str, ...], FromFile(())] = Field(
        (),
        description="labels for an embedder, or a file with one per line; empty: the built-in list",
    )
    template: str = Field(
        "a photo of {label}", description="text given to the embedder for a label"
    )
    prompt: str = Field("keywords_only", description="name of the prompt for a VLM")
    top: int = Field(8, ge=1, le=100, description="maximum number of tags per frame")
    threshold: Share = Field(0.05, description="minimum probability of a tag")

    @field_validator("vocabulary", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return words_of(value)


class WeightedTag(BaseModel):
    """One tag; only an embedder gives a score."""

    tag: str
    score: float | None = None


class TagBody(BaseModel):
    """The tags of a frame, the surest first; of a VLM also its answer (see `VlmBody`)."""

    tags: list[WeightedTag]


class TagStage(StageDeclaration):
    """Keeps tags with their probabilities; those a VLM gives have none."""

    name: ClassVar[str] = "tag"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Tag
    accepts: ClassVar[tuple[ModelKind, ...]] = ("embedder", "vlm")
    follows: ClassVar[str] = "embed"
    prompt: ClassVar[PromptAnswer] = "keywords"
    variables: ClassVar[tuple[str, ...]] = ()
    slot: ClassVar[Slot] = "tags"
    Body: ClassVar[Any] = TagBody

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return the tags with their scores."""
        return "tags: " + ", ".join(with_score(t["tag"], t.get("score")) for t in body["tags"])

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Settle on the model, and on the words where it is an embedder."""
        leases.check(self.name, *self.accepts)
        self._spec = spec
        self._leases = leases
        self._by_vlm = leases.kind(self.name) == "vlm"
        if self._by_vlm:
            self._prompt = leases.prompts.get(spec.settings(Tag).prompt)
            parameters = {**vlm_parameters(spec, self._prompt, ""), "top": spec.settings(Tag).top}
            self.batch_size = leases.batch_size(self.name, spec.vlm.batch_size)
        else:
            self._words = spec.settings(Tag).vocabulary or built_in()
            parameters = self._choosing()
            self.batch_size = leases.batch_size(self.name, spec.models.batch_size)
        self.asked = leases.asked(self.name, self.version, parameters)
        self._texts: Any = None

    def questions(
        self, shown: Sequence[LazyFrame], prior: Sequence[PriorAnswers]
    ) -> list[Question]:
        """Ask once per frame; where the same model embedded it already, about its vector."""
        return [Question(row, "", self._vector(prior[row])) for row in range(len(shown))]

    def prepare(self, model: Any, shown: Sequence[LazyFrame], questions: Sequence[Question]) -> Any:
        """Resize and normalise; for a VLM also the question."""
        if self._by_vlm:
            text, system = self._prompt.fill({}), self._prompt.fill_system({})
            most = self._spec.vlm.max_tokens
            return model.prepare(
                [VlmRequest((shown[q.row].for_vlm(),), text, system, (), most) for q in questions]
            )
        if all(q.about is not None for q in questions):
            return _Vectors(np.stack([q.about for q in questions]))
        return model.prepare([shown[q.row].pixels for q in questions])

    def infer(self, model: Any, prepared: Any) -> Any:
        """Ask, or compare with the words."""
        if self._by_vlm:
            return model.answer(prepared, self._leases.cancelled)
        is_done = isinstance(prepared, _Vectors)
        vectors = prepared.vectors if is_done else model.embed(prepared)
        return model.similarity_to_probability(vectors @ self._embedded(model).T)

    def finish(
        self, model: Any, raw: Any, asked: Sequence[tuple[LazyFrame, Question]]
    ) -> list[Answer]:
        """Return the tags of each frame, the surest first."""
        if not self._by_vlm:
            return [Answer({"tags": self._chosen(row)}) for row in raw]
        return [self._listed(answer) for answer in completions(model, raw)]

    def _vector(self, prior: PriorAnswers) -> NDArray[np.float32] | None:
        if self._by_vlm or not self._leases.same_model(self.name, self.follows):
            return None
        return next((a.vector for a in prior.get(self.follows, ()) if not a.part), None)

    def _choosing(self) -> dict[str, Any]:
        tag = self._spec.settings(Tag)
        return {
            "words": tagged_hash("vocabulary", [*self._words]),
            "template": tag.template,
            "top": tag.top,
            "threshold": tag.threshold,
            **size_shown(self._spec),
        }

    def _embedded(self, model: Embedder) -> Any:
        if self._texts is None:
            template = self._spec.settings(Tag).template
            self._texts = embedded(model, template, self._words, self._leases.texts)
        return self._texts

    def _chosen(self, row: Any) -> list[dict[str, Any]]:
        best = np.argsort(-row, kind="stable")[: self._spec.settings(Tag).top]
        return [
            {"tag": self._words[index], "score": round(float(row[index]), 4)}
            for index in best
            if row[index] >= self._spec.settings(Tag).threshold
        ]

    def _listed(self, answer: Any) -> Answer:
        body = answered(answer, self._prompt)
        if "error" in body:
            return Answer(body)
        words = (clean(word.strip(" .\n\t-*'\""), limit=MOST_LETTERS).lower()
                 for word in answer.text.replace("\n", ",").split(","))  # fmt: skip
        tags = list(dict.fromkeys(word for word in words if word))[: self._spec.settings(Tag).top]
        return Answer({**body, "tags": [{"tag": word} for word in tags]})
