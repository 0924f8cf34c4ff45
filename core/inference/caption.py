"""A text about each frame, by a VLM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from ..config.section import Section
from ..config.spec import Spec, tagged_hash
from ..config.stages import ModelKind, PromptAnswer, Slot, StageDeclaration
from ..models.protocols import VisionLanguageModel, VlmRequest
from .answer_bodies import VlmBody, text_line
from .leases import ModelLeases
from .objects import tags_of
from .stage import Answer, LazyFrame, PriorAnswers, Question
from .vlm import answered, vlm_parameters


class Caption(Section):
    """A description of each frame."""

    model: str = Field("", description="a VLM or Florence-2; empty: vlm.model")
    prompt: str = Field("detailed_description", description="name of a prompt, or name@version")
    extra: str = Field("", description="additional instructions, appended to the prompt")


class CaptionStage(StageDeclaration):
    """Keeps the raw answer about each frame, with facts about it."""

    name: ClassVar[str] = "caption"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Caption
    uses: ClassVar[tuple[str, ...]] = ("tag",)
    accepts: ClassVar[tuple[ModelKind, ...]] = ("vlm",)
    follows: ClassVar[str] = "vlm"
    prompt: ClassVar[PromptAnswer] = "text"
    slot: ClassVar[Slot] = "caption"
    Body: ClassVar[Any] = VlmBody

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return the text, behind the prompt that asked for it."""
        return text_line(cls.name, body)

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Settle on the VLM and the prompt."""
        leases.check(self.name, *self.accepts)
        self._leases = leases
        self._extra = spec.settings(Caption).extra
        self._prompt = leases.prompts.get(spec.settings(Caption).prompt)
        self._most_tokens = spec.vlm.max_tokens
        parameters = vlm_parameters(spec, self._prompt, self._extra)
        self.asked = leases.asked(self.name, self.version, parameters)
        self.batch_size = leases.batch_size(self.name, spec.vlm.batch_size)

    def questions(
        self, shown: Sequence[LazyFrame], prior: Sequence[PriorAnswers]
    ) -> list[Question]:
        """Ask once per frame; what fills the prompt is part of the question."""
        found = []
        for row, frame in enumerate(shown):
            values = {"tags": ", ".join(tags_of(prior[row])), "time": f"{frame.seconds:.3f} s"}
            used = {name: values[name] for name in self._prompt.variables if name in values}
            part = tagged_hash("filled", used) if used else ""
            found.append(Question(row, part, self._prompt.fill(used, self._extra)))
        return found

    def prepare(
        self, model: VisionLanguageModel, shown: Sequence[LazyFrame], questions: Sequence[Question]
    ) -> Any:
        """Put each frame into words and pixels for the model."""
        return model.prepare(
            [
                VlmRequest(
                    (shown[q.row].for_vlm(),), q.about, self._prompt.system, (),
                    self._most_tokens,
                )
                for q in questions
            ]
        )  # fmt: skip

    def infer(self, model: VisionLanguageModel, prepared: Any) -> Any:
        """Generate."""
        return model.answer(prepared, self._leases.cancelled)

    def finish(
        self, model: VisionLanguageModel, raw: Any, asked: Sequence[tuple[LazyFrame, Question]]
    ) -> list[Answer]:
        """Return the answers as they came."""
        return [Answer(answered(answer, self._prompt)) for answer in model.finish(raw)]
