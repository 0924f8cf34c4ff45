"""What a server and its model can do, found out by asking: `models show URL#MODEL`.

Six short requests at most, each with small grey pictures. Nothing here stops: what cannot be found
out is `unknown`, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...errors import SightlineError
from ...text import clean
from ..protocols import Completion, Loading
from .model import Endpoint
from .probe import probe_request

TOKENS = 32
COUNTS = (2, 8)
"""how many images are tried in one question: a pair, and more than `verify` shows by default"""
_SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": "integer"}},
    "required": ["number"],
    "additionalProperties": False,
}
_AGAINST = "Write the word lightning, without quotation marks, and nothing else."
_OWNERS = {
    "vllm": "vLLM", "llamacpp": "llama.cpp", "library": "Ollama", "sglang": "SGLang",
    "organization_owner": "LM Studio", "openai": "OpenAI", "system": "OpenAI",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found out; every value is one line for a person.

    `images`: "yes", or why not. `images_per_question`: "1", "at least 8", "4 (the server's limit)".
    `schema`: "enforced" if an answer followed a schema against what the question asked for,
    "accepted, not enforced", or "refused". `reasoning`: whether a short answer contained any.
    """

    server: str
    listed: str
    context: str
    images: str
    images_per_question: str
    streaming: str
    schema: str
    reasoning: str


def capabilities(loading: Loading) -> Capabilities:
    """Ask a server what it can do. Raises ModelMissing and ModelRefused as `Endpoint` does."""
    plain = replace(loading, options={**loading.options, "stream": False})
    found = _about(loading)
    with_stream = _Asked(loading)
    without = _Asked(plain)
    try:
        return Capabilities(
            **found,
            images="yes",
            images_per_question=_images(without),
            streaming=_streaming(with_stream),
            schema=_schema(without),
            reasoning=_reasoning(without),
        )
    finally:
        with_stream.close()
        without.close()


def as_lines(found: Capabilities) -> dict[str, str]:
    """Return what was found out, by name, without what says nothing."""
    return {key: value for key, value in asdict(found).items() if value}


class _Asked:
    """One connection, and single questions to it."""

    def __init__(self, loading: Loading) -> None:
        self.model = Endpoint(loading)
        self.close: Callable[[], None] = self.model.close

    def answer(self, request: Any) -> Completion:
        (answer,) = self.model.answer(self.model.prepare([request]), lambda: False)
        return answer

    def refuses(self, field: str) -> bool:
        return field in self.model.left_out


def _about(loading: Loading) -> dict[str, str]:
    endpoint = Endpoint(loading)
    try:
        rows, banner = endpoint.listed()
    finally:
        endpoint.close()
    own: dict[str, Any] = next((row for row in rows if row["id"] == loading.name), {})
    owner = str(own.get("owned_by", ""))
    meta = own.get("meta") if isinstance(own.get("meta"), dict) else {}
    context = own.get("max_model_len") or own.get("max_context_length") or meta.get("n_ctx_train")
    is_listed = "yes" if own else "no" if rows else "the server lists no models"
    return {
        "server": clean(_OWNERS.get(owner.lower(), "") or banner or owner or "unknown", limit=80),
        "listed": is_listed,
        "context": f"{context} tokens" if isinstance(context, int) else "",
    }


def _images(asked: _Asked) -> str:
    most = 1
    for count in COUNTS:
        try:
            answer = asked.answer(probe_request(count))
        except SightlineError as error:
            limit = getattr(error.__cause__, "images", None)
            return f"{limit} (the server's limit)" if limit else f"{most} ({error})"
        if _is_refused(answer):
            return f"{most} (of {count}: {answer.error})"
        most = count
    return f"at least {most}"


def _streaming(asked: _Asked) -> str:
    answer = asked.answer(probe_request(tokens=TOKENS))
    if asked.refuses("stream"):
        return "refused"
    if answer.first_token_seconds is None:
        return f"unknown: {answer.error}" if answer.error else "no: the answer comes at once"
    return "yes"


def _schema(asked: _Asked) -> str:
    request = replace(probe_request(prompt=_AGAINST, tokens=TOKENS), schema=_SCHEMA)
    try:
        answer = asked.answer(request)
    except SightlineError as error:
        return f"unknown: {error}"
    if asked.refuses("response_format"):
        return "refused"
    if answer.error:
        return f"unknown: {answer.error}"
    return "enforced" if _fits(answer) else "accepted, not enforced"


def _fits(answer: Completion) -> bool:
    if answer.finish == "length":  # cut off: what there is may still be of the schema
        return answer.text.lstrip().startswith("{")
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("number"), int)


def _reasoning(asked: _Asked) -> str:
    answer = asked.answer(probe_request(prompt="Say yes.", tokens=TOKENS))
    return "yes" if answer.thought_letters else "no" if not answer.error else "unknown"


def _is_refused(answer: Completion) -> bool:
    """Return whether a question failed for another reason than that its one token is no answer."""
    return bool(answer.error) and "HTTP" in answer.error
