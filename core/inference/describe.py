"""A text about each object that `detect` found, by a VLM that is shown its cut-out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..config.spec import Spec, tagged_hash
from ..models.protocols import Ask, VisionLanguageModel
from .leases import Lending
from .objects import boxes_of, cut_out, part_of
from .stage import Noted, Question, Said, Shown
from .vlm import answered, vlm_parameters


class DescribeLook:
    """Keeps the raw answer about each object, with facts about it."""

    name: ClassVar[str] = "describe"
    version: ClassVar[int] = 1

    def open(self, lending: Lending, spec: Spec) -> None:
        """Settle on the VLM and the prompt."""
        lending.check(self.name, "vlm")
        self._lending = lending
        self._spec = spec
        self._prompt = lending.prompts.get(spec.describe.prompt)
        parameters = vlm_parameters(spec, self._prompt, spec.describe.extra)
        self.asked = lending.asked(self.name, self.version, parameters)
        self.batch_size = lending.batch_size(self.name, spec.vlm.batch_size)

    def questions(self, shown: Sequence[Shown], noted: Sequence[Noted]) -> list[Question]:
        """Ask once per object, the surest first, as many as `describe.most`."""
        found = []
        for row, frame in enumerate(shown):
            for box in boxes_of(noted[row])[: self._spec.describe.most]:
                values = {"label": box.label, "time": f"{frame.seconds:.3f} s"}
                used = {name: values[name] for name in self._prompt.variables if name in values}
                part = f"{part_of(box)}|{box.label}|{tagged_hash('filled', used)}"
                text = self._prompt.fill(used, self._spec.describe.extra)
                found.append(Question(row, part, (box, text)))
        return found

    def prepare(
        self, model: VisionLanguageModel, shown: Sequence[Shown], questions: Sequence[Question]
    ) -> Any:
        """Cut objects out and put them into words and pixels for the model."""
        most, system = self._spec.vlm.max_tokens, self._prompt.system
        return model.prepare(
            [
                Ask(
                    (cut_out(shown[q.row].for_vlm(), shown[q.row].scale, q.about[0]),),
                    q.about[1],
                    system,
                    (),
                    most,
                )
                for q in questions
            ]
        )

    def infer(self, model: VisionLanguageModel, prepared: Any) -> Any:
        """Generate."""
        return model.answer(prepared, self._lending.cancelled)

    def finish(
        self, model: VisionLanguageModel, raw: Any, asked: Sequence[tuple[Shown, Question]]
    ) -> list[Said]:
        """Return the answers as they came; which object each is about, its part says."""
        return [Said(answered(answer, self._prompt)) for answer in model.finish(raw)]
