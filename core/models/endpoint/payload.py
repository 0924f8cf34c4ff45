"""What is sent to an OpenAI-compatible server, and what is left out once a server refuses it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

from ..answer_text import Marks
from ..inputs import picture_of
from ..protocols import Pixels, VlmRequest

QUALITY = 95
SPARE = (
    "response_format",
    "chat_template_kwargs",
    "mm_processor_kwargs",
    "stream_options",
    "stream",
)
"""what can be left out, in this order, where a server refuses and does not say why"""
_BY_NAME = {
    "response_format": ("response_format", "json_schema", "schema", "grammar", "structured"),
    "chat_template_kwargs": ("chat_template_kwargs", "enable_thinking"),
    "mm_processor_kwargs": ("mm_processor_kwargs", "max_slice_nums"),
    "stream_options": ("stream_options", "include_usage"),
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens",),
    "stream": ("stream",),
}
_MARKS = Marks()


def body_of(name: str, ask: VlmRequest, index: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole request for one ask. Raises ImageRejected for what is no picture."""
    body: dict[str, Any] = {
        "model": name,
        "messages": _messages(ask, index),
        "max_tokens": max(1, ask.max_tokens),
        "temperature": 0,
    }
    if options.get("stream", True):
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if ask.schema is not None:
        schema = {"name": "answer", "schema": dict(ask.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if "thinking" in options:
        body["chat_template_kwargs"] = {"enable_thinking": bool(options["thinking"])}
    if options.get("max_slice_nums") is not None and "minicpm" in name.lower():
        body["mm_processor_kwargs"] = {"max_slice_nums": int(options["max_slice_nums"])}
    return body


def lessened(body: Mapping[str, Any], without: frozenset[str]) -> dict[str, Any]:
    """Return a request without the fields a server refuses."""
    kept = {name: value for name, value in body.items() if name not in without}
    if "stream" in without:
        kept.pop("stream_options", None)
    if "max_tokens" in without:  # of late some servers know it only under another name
        kept["max_completion_tokens"] = body["max_tokens"]
    return kept


def refused_field(body: Mapping[str, Any], said: str) -> str | None:
    """Return which field to leave out next, going by what the server said; None if none is left."""
    words = said.lower()
    for name, hints in _BY_NAME.items():
        if name in body and any(hint in words for hint in hints):
            return name
    return next((name for name in SPARE if name in body), None)


def _messages(ask: VlmRequest, index: int) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": _data_url(picture, index)}}
        for picture in ask.pictures
    ]
    content: Any = [*parts, {"type": "text", "text": _MARKS.neutral(ask.prompt)}]
    if not parts:
        content = _MARKS.neutral(ask.prompt)
    message = {"role": "user", "content": content}
    system = _MARKS.neutral(ask.system)
    return [{"role": "system", "content": system}, message] if system else [message]


def _data_url(picture: Pixels, index: int) -> str:
    out = io.BytesIO()
    picture_of(picture, index).save(out, "JPEG", quality=QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
