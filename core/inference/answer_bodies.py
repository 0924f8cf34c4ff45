"""What the stages that ask a VLM keep of an answer: its type, and how it reads in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


class VlmBody(BaseModel):
    """An answer as it came. `facts` are those of `core.models.answer_facts`.

    `data` is the JSON value in it, if the stage has a `json_schema`.
    """

    text: str
    finish: str
    prompt: str
    facts: dict[str, Any]
    data: Any = None


class CaptionBody(VlmBody):
    """A text about a frame, or about several frames of a video that one question showed.

    `frames` is their number, `frames_shown` their times in seconds; both exist if `vlm.packing`
    is more than 1.
    """

    frames: int = 1
    frames_shown: list[float] = []


def text_line(stage: str, body: Mapping[str, Any]) -> str:
    """Return `caption (detailed_description@1): a storm`, and whether the text was cut off."""
    cut = " (cut off)" if body["finish"] == "length" else ""
    several = f", {body['frames']} frames" if body.get("frames", 1) > 1 else ""
    return f"{stage} ({body['prompt']}{several}){cut}: {body['text']}"


def with_score(name: str, score: float | None) -> str:
    """Return a tag's or box's name with its score, where it has one."""
    return name if score is None else f"{name} {score:.2f}"
