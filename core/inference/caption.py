"""A text about each frame, or about several of a video together, by a VLM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from ..config.model_settings import SchemaSection
from ..config.section import Section
from ..config.spec import Spec, tagged_hash
from ..config.stages import ModelKind, PromptAnswer, Slot, StageDeclaration
from ..models.protocols import Completion, VisionLanguageModel, VlmRequest
from .answer_bodies import CaptionBody, text_line
from .leases import ModelLeases
from .objects import tags_of
from .packing import PREAMBLE, frames_in_words, rows_together, time_in_words
from .stage import Answer, LazyFrame, PriorAnswers, Question
from .vlm import answered, completions, schema_of, vlm_parameters, with_schema


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks: instructions and text, the rows of the frames shown, their times."""

    text: str
    system: str
    rows: tuple[int, ...]
    seconds: tuple[float, ...]


class Caption(SchemaSection):
    """A description of each frame, or of every few frames of a video."""

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
    variables: ClassVar[tuple[str, ...]] = ("tags", "time", "frames")
    slot: ClassVar[Slot] = "caption"
    Body: ClassVar[Any] = CaptionBody

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return the text, behind the prompt that asked for it."""
        return text_line(cls.name, body)

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Settle on the VLM and the prompt."""
        leases.check(self.name, *self.accepts)
        self._leases = leases
        self._schema = schema_of(spec.settings(Caption))
        self._extra = with_schema(spec.settings(Caption).extra, self._schema)
        self._prompt = leases.prompts.get(spec.settings(Caption).prompt)
        self._most_tokens = spec.vlm.max_tokens
        self._packing = self._possible_packing(spec.vlm.packing)
        parameters = vlm_parameters(spec, self._prompt, self._extra)
        if self._packing > 1:
            parameters |= {"packing": self._packing, "preamble": PREAMBLE}
        self.asked = leases.asked(self.name, self.version, parameters)
        self.batch_size = leases.batch_size(self.name, spec.vlm.batch_size)

    def questions(
        self, shown: Sequence[LazyFrame], prior: Sequence[PriorAnswers]
    ) -> list[Question]:
        """Ask once per frame, or per `vlm.packing` frames of a video.

        What fills the prompt, and which frames are shown, is part of the question.
        """
        return [
            self._question(rows, [shown[row] for row in rows], [prior[row] for row in rows])
            for rows in rows_together(shown, self._packing, self.name)
        ]

    def _question(
        self, rows: list[int], frames: list[LazyFrame], prior: list[PriorAnswers]
    ) -> Question:
        seconds = [frame.seconds for frame in frames]
        values = {
            "tags": ", ".join(dict.fromkeys(tag for each in prior for tag in tags_of(each))),
            "time": time_in_words(seconds),
            "frames": frames_in_words(seconds, seconds[0]),
        }
        used = {name: values[name] for name in self._prompt.variables if name in values}
        text = self._prompt.fill(used, self._extra)
        part = tagged_hash("filled", used) if used else ""
        if len(rows) > 1:
            preamble = "" if "frames" in used else PREAMBLE.format(frames=values["frames"]) + "\n\n"
            text = preamble + text
            part = tagged_hash("together", [used, [(f.frame, f.seconds) for f in frames]])
        system = self._prompt.fill_system(used)
        return Question(rows[0], part, _Asked(text, system, tuple(rows), tuple(seconds)))

    def _possible_packing(self, wanted: int) -> int:
        if wanted == 1 or self._leases.takes_several_pictures(self.name):
            return wanted
        name = self._leases.loading(self.name).name
        self._leases.notify(f"caption: {name} accepts one picture per question, so packing is 1")
        return 1

    def prepare(
        self, model: VisionLanguageModel, shown: Sequence[LazyFrame], questions: Sequence[Question]
    ) -> Any:
        """Put frames into words and pixels for the model."""
        return model.prepare([self._request(shown, q.about) for q in questions])

    def _request(self, shown: Sequence[LazyFrame], asked: _Asked) -> VlmRequest:
        pictures = tuple(shown[row].for_vlm() for row in asked.rows)
        seconds = asked.seconds if len(asked.rows) > 1 else ()
        schema = self._schema.schema if self._schema else None
        return VlmRequest(pictures, asked.text, asked.system, seconds, self._most_tokens, schema)

    def infer(self, model: VisionLanguageModel, prepared: Any) -> Any:
        """Generate."""
        return model.answer(prepared, self._leases.cancelled)

    def finish(
        self, model: VisionLanguageModel, raw: Any, asked: Sequence[tuple[LazyFrame, Question]]
    ) -> list[Answer]:
        """Return the answers as they came, with how many frames each is about."""
        return [
            Answer(self._body(answer, frame, question.about))
            for answer, (frame, question) in zip(completions(model, raw), asked, strict=True)
        ]

    def _body(self, answer: Completion, frame: LazyFrame, asked: _Asked) -> dict[str, Any]:
        body = answered(answer, self._prompt, len(asked.rows), self._schema)
        if self._packing == 1 or frame.place is None:
            return body
        return {**body, "frames": len(asked.rows), "frames_shown": list(asked.seconds)}
