"""What is sent to an OpenAI-compatible server, and what is left out once a server refuses it."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..answer_text import Marks
from ..inputs import picture_of
from ..protocols import VlmRequest
from .faults import Denied

if TYPE_CHECKING:
    from PIL import Image

SYSTEM = "system"
"""stands among the fields for a system prompt: it then goes before the question"""
WRONG_REQUEST = (200, 400, 422, 501)
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
_NAMED = (
    "max_completion_tokens", "max_tokens", "temperature", "response_format", "stream_options",
    "chat_template_kwargs", "mm_processor_kwargs", "stream",
)  # fmt: skip
"""fields of which an error about them concerns every request"""
_SYSTEM_REFUSED = re.compile(
    r"system role|only user and assistant roles|roles must alternate|system prompt (?:is )?not"
    r"|role:? system"
)
_UNKNOWN = re.compile(
    r"unrecogni[sz]ed|unknown|extra (?:inputs|fields)|not permitted|not allowed|instead of"
    r"|unsupported (?:param|value)|not supported|does not support"
)
_SCHEMA = re.compile(r"json_schema|response_format|grammar")
_SAYS_NOTHING = re.compile(
    r"(?:http )?\d*:? ?(?:bad request|unprocessable (?:entity|content)|not implemented"
    r"|invalid request(?: error)?|validation error|no reason given|error)?\.?"
)
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
    if SYSTEM in without:
        kept["messages"] = _without_system(body["messages"])
    if "max_tokens" in without:  # of late some servers know it only under another name
        kept["max_completion_tokens"] = body["max_tokens"]
    return kept


def refused_field(body: Mapping[str, Any], denied: Denied, accepted: Collection[str]) -> str | None:
    """Return which field to leave out next; None if the error is not about one.

    `accepted` are the fields of requests that succeeded: an error with those only is about the
    picture or the question, not about them. A schema may be refused after another was accepted.
    """
    words = denied.words
    if _SYSTEM_REFUSED.search(words) and body["messages"][0]["role"] == "system":
        return SYSTEM
    is_wrong = denied.status in WRONG_REQUEST or (denied.status >= 500 and _SCHEMA.search(words))
    if not is_wrong:
        return None
    unknown = bool(_UNKNOWN.search(words))
    open_ones = [
        name for name in body
        if name not in accepted or name == "response_format" or (unknown and name in words)
    ]  # fmt: skip
    if not unknown and "max_tokens" in open_ones:
        open_ones.remove("max_tokens")  # it is known, and too large
    for name, hints in _BY_NAME.items():
        if name in open_ones and any(hint in words for hint in hints):
            return name
    if not _SAYS_NOTHING.fullmatch(denied.said.lower()):
        return None
    return next((name for name in SPARE if name in body and name not in accepted), None)


def named_field(body: Mapping[str, Any], denied: Denied) -> str:
    """Return the field of a request that an error calls unknown; "" if it names none."""
    if denied.status not in WRONG_REQUEST or not _UNKNOWN.search(denied.words):
        return ""
    fields = (name for name in _NAMED if name in body)
    return next((f for f in fields if re.search(rf"\b{f}\b", denied.words)), "")


def _messages(ask: VlmRequest, index: int) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": data_url(picture_of(picture, index))}}
        for picture in ask.pictures
    ]
    content: Any = [*parts, {"type": "text", "text": _MARKS.neutral(ask.prompt)}]
    if not parts:
        content = _MARKS.neutral(ask.prompt)
    message = {"role": "user", "content": content}
    system = _MARKS.neutral(ask.system)
    return [{"role": "system", "content": system}, message] if system else [message]


def _without_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    system, *rest = messages
    if system["role"] != "system":
        return messages
    content = rest[0]["content"]
    if isinstance(content, str):
        return [{**rest[0], "content": f"{system['content']}\n\n{content}"}, *rest[1:]]
    *parts, words = content
    told = {**words, "text": f"{system['content']}\n\n{words['text']}"}
    return [{**rest[0], "content": [*parts, told]}, *rest[1:]]


def data_url(image: Image.Image) -> str:
    """Return a picture as the JPEG that is sent."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
