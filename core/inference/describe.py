"""A text about each object that `detect` found, by a VLM that is shown its cut-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from ..config.model_settings import SchemaSection
from ..config.section import Section
from ..config.spec import Spec, tagged_hash
from ..config.stages import ModelKind, PromptAnswer, Slot, StageDeclaration
from ..models.protocols import VisionLanguageModel, VlmRequest
from .answer_bodies import VlmBody, text_line
from .leases import ModelLeases
from .objects import boxes_of, cut_out, part_of
from .stage import Answer, LazyFrame, PriorAnswers, Question
from .vlm import answered, completions, schema_of, vlm_parameters, with_schema


class Describe(SchemaSection):
    """A description of each detected object."""

    model: str = Field("", description="a VLM or Florence-2; empty: vlm.model")
    prompt: str = Field("describe_object", description="name of a prompt, or name@version")
    extra: str = Field("", description="additional instructions, appended to the prompt")
    most: int = Field(
        16, ge=1, le=256, description="maximum number of objects per frame, most certain first"
    )


class DescribeStage(StageDeclaration):
    """Keeps the raw answer about each object, with facts about it."""

    name: ClassVar[str] = "describe"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Describe
    needs: ClassVar[tuple[str, ...]] = ("detect",)
    accepts: ClassVar[tuple[ModelKind, ...]] = ("vlm",)
    follows: ClassVar[str] = "vlm"
    prompt: ClassVar[PromptAnswer] = "text"
    variables: ClassVar[tuple[str, ...]] = ("label", "time")
    slot: ClassVar[Slot] = "description"
    Body: ClassVar[Any] = VlmBody

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return the text, behind the prompt that asked for it."""
        return text_line(cls.name, body)

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Settle on the VLM and the prompt."""
        leases.check(self.name, *self.accepts)
        self._leases = leases
        self._spec = spec
        self._prompt = leases.prompts.get(spec.settings(Describe).prompt)
        self._schema = schema_of(spec.settings(Describe))
        self._extra = with_schema(spec.settings(Describe).extra, self._schema)
        parameters = vlm_parameters(spec, self._prompt, self._extra)
        self.asked = leases.asked(self.name, self.version, parameters)
        self.batch_size = leases.batch_size(self.name, spec.vlm.batch_size)

    def questions(
        self, shown: Sequence[LazyFrame], prior: Sequence[PriorAnswers]
    ) -> list[Question]:
        """Ask once per object, the surest first, as many as `describe.most`."""
        found = []
        for row, frame in enumerate(shown):
            for box in boxes_of(prior[row])[: self._spec.settings(Describe).most]:
                values = {"label": box.label, "time": f"{frame.seconds:.3f} s"}
                used = {name: values[name] for name in self._prompt.variables if name in values}
                part = f"{part_of(box)}|{box.label}|{tagged_hash('filled', used)}"
                text = self._prompt.fill(used, self._extra)
                system = self._prompt.fill_system(used)
                found.append(Question(row, part, (box, text, system)))
        return found

    def prepare(
        self, model: VisionLanguageModel, shown: Sequence[LazyFrame], questions: Sequence[Question]
    ) -> Any:
        """Cut objects out and put them into words and pixels for the model."""
        most = self._spec.vlm.max_tokens
        return model.prepare(
            [
                VlmRequest(
                    (cut_out(shown[q.row].for_vlm(), shown[q.row].scale, q.about[0]),),
                    q.about[1],
                    q.about[2],
                    (),
                    most,
                    self._schema.schema if self._schema else None,
                )
                for q in questions
            ]
        )

    def infer(self, model: VisionLanguageModel, prepared: Any) -> Any:
        """Generate."""
        return model.answer(prepared, self._leases.cancelled)

    def finish(
        self, model: VisionLanguageModel, raw: Any, asked: Sequence[tuple[LazyFrame, Question]]
    ) -> list[Answer]:
        """Return the answers as they came; which object each is about, its part says."""
        return [
            Answer(answered(answer, self._prompt, 1, self._schema))
            for answer in completions(model, raw)
        ]
