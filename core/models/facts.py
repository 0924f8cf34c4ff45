"""Facts about one answer of a VLM: measured or counted, never judged."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Answer


@dataclass(frozen=True, slots=True)
class Facts:
    """None where the backend does not tell."""

    tokens_in: int | None
    tokens_out: int | None
    seconds: float


def facts(answer: Answer, prompt: str, form: str) -> Facts:
    """Return what can be counted about an answer."""
    return Facts(answer.tokens_in, answer.tokens_out, round(answer.seconds, 4))
