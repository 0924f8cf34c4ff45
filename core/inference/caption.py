"""A text about each frame, by a VLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..config.spec import Spec, tagged_hash
from ..models.protocols import Ask, VisionLanguageModel
from .leases import Lending
from .objects import tags_of
from .stage import Noted, Question, Said, Shown
from .vlm import answered, vlm_parameters


class CaptionLook:
    """Keeps the raw answer about each frame, with facts about it."""

    name: ClassVar[str] = "caption"
    version: ClassVar[int] = 1

    def open(self, lending: Lending, spec: Spec) -> None:
        """Settle on the VLM and the prompt."""
        lending.check(self.name, "vlm")
        self._lending = lending
        self._extra = spec.caption.extra
        self._prompt = lending.prompts.get(spec.caption.prompt)
        self._most_tokens = spec.vlm.max_tokens
        parameters = vlm_parameters(spec, self._prompt, self._extra)
        self.asked = lending.asked(self.name, self.version, parameters)
        self.batch_size = lending.batch_size(self.name, spec.vlm.batch_size)

    def questions(self, shown: Sequence[Shown], noted: Sequence[Noted]) -> list[Question]:
        """Ask once per frame; what fills the prompt is part of the question."""
        found = []
        for row, frame in enumerate(shown):
            values = {"tags": ", ".join(tags_of(noted[row])), "time": f"{frame.seconds:.3f} s"}
            used = {name: values[name] for name in self._prompt.variables if name in values}
            part = tagged_hash("filled", used) if used else ""
            found.append(Question(row, part, self._prompt.fill(used, self._extra)))
        return found

    def prepare(
        self, model: VisionLanguageModel, shown: Sequence[Shown], questions: Sequence[Question]
    ) -> Any:
        """Put each frame into words and pixels for the model."""
        return model.prepare(
            [
                Ask(
                    (shown[q.row].for_vlm(),), q.about, self._prompt.system, (),
                    self._most_tokens,
                )
                for q in questions
            ]
        )  # fmt: skip

    def infer(self, model: VisionLanguageModel, prepared: Any) -> Any:
        """Generate."""
        return model.answer(prepared, self._lending.cancelled)

    def finish(
        self, model: VisionLanguageModel, raw: Any, asked: Sequence[tuple[Shown, Question]]
    ) -> list[Said]:
        """Return the answers as they came."""
        return [Said(answered(answer, self._prompt)) for answer in model.finish(raw)]
