"""What the stages that ask a VLM share: what a question is, what is kept of its answer."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from ..config.model_settings import SchemaSection
from ..config.prompts import Prompt
from ..config.spec import Spec
from ..models.answer_facts import facts
from ..models.protocols import Completion, VisionLanguageModel
from ..models.thoughts import EMPTY, concluded, is_blank, separated
from .frames import longest_side
from .schema_answers import AnswerSchema
from .vlm_image import QUALITY


def schema_of(settings: SchemaSection) -> AnswerSchema | None:
    """Return the JSON schema that answers must fit, if there is one."""
    return AnswerSchema(settings.json_schema) if settings.json_schema else None


def with_schema(extra: str, schema: AnswerSchema | None) -> str:
    """Return the instructions after a prompt, those of a schema last."""
    return "\n\n".join(filter(None, (extra, schema.instruction if schema else "")))


def vlm_parameters(spec: Spec, prompt: Prompt, extra: str) -> dict[str, Any]:
    """Return what of a question's wording and form is part of its identity.

    `extra` are all instructions after the prompt, those of `with_schema` too.
    """
    return {
        "prompt": prompt.reference,
        "text": prompt.text,
        "system": prompt.system,
        "extra": extra,
        "max_tokens": spec.vlm.max_tokens,
        "side": longest_side(spec),
        "shown_as": f"jpeg{QUALITY}",
        **({"variables": prompt.own_values} if prompt.own_values else {}),
    }


def completions(model: VisionLanguageModel, raw: Any) -> list[Completion]:
    """Return a model's answers without their reasoning; an empty one is a failure.

    Built-in families separate it themselves, since they know the prompt; this is for plugins.
    """
    found = (concluded(each, separated(each.text)) for each in model.finish(raw))
    return [_not_empty(each) for each in found]


def _not_empty(answer: Completion) -> Completion:
    """Return an answer; a failed one if it is empty, from a server and from here alike."""
    if not is_blank(answer.text) or answer.finish in ("failed", "cancelled"):
        return answer
    return replace(answer, finish="failed", error=EMPTY)


def answered(
    answer: Completion, prompt: Prompt, pictures: int = 1, schema: AnswerSchema | None = None
) -> dict[str, Any]:
    """Return what is kept of an answer: its text as it came, how it ended, and facts about it.

    With a schema also `data`, the JSON value it holds; or `error`, why it holds none that fits.
    """
    if answer.finish == "failed":
        return {"error": answer.error or "no answer", "prompt": prompt.reference}
    measured = facts(answer, prompt.text, prompt.answer, pictures)
    return _checked(answer, schema) | {
        "text": answer.text,
        "finish": answer.finish,
        "prompt": prompt.reference,
        "facts": {key: value for key, value in asdict(measured).items() if value not in (None, ())},
    }


def _checked(answer: Completion, schema: AnswerSchema | None) -> dict[str, Any]:
    if schema is None:
        return {}
    value, wrong = schema.read(answer.text)
    if wrong and answer.finish == "length":
        return {
            "error": "the answer is cut off (vlm.max_tokens), so it does not conform to the schema"
        }
    return {"error": wrong} if wrong else {"data": value}
