"""What the stages that ask a VLM share: what a question is, what is kept of its answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..config.prompts import Prompt
from ..config.spec import Spec
from ..models.answer_facts import facts
from ..models.protocols import Completion
from .frames import longest_side
from .vlm_image import QUALITY


def vlm_parameters(spec: Spec, prompt: Prompt, extra: str) -> dict[str, Any]:
    """Return what of a question's wording and form is part of its identity."""
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


def answered(answer: Completion, prompt: Prompt, pictures: int = 1) -> dict[str, Any]:
    """Return what is kept of an answer: its text as it came, how it ended, and facts about it."""
    if answer.finish == "failed":
        return {"error": answer.error or "no answer", "prompt": prompt.reference}
    measured = facts(answer, prompt.text, prompt.answer, pictures)
    return {
        "text": answer.text,
        "finish": answer.finish,
        "prompt": prompt.reference,
        "facts": {key: value for key, value in asdict(measured).items() if value not in (None, ())},
    }
