"""What a server and its model can do, found out by asking: `models show URL#MODEL`.

Six short requests at most, each with small grey pictures. Nothing here stops: what cannot be found
out is `unknown`, with the reason.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...errors import ModelMissing, SightlineError
from ...text import clean, counted
from ..protocols import Completion, Loading, VlmRequest
from .connection import EndpointConnection, address_of, key_for
from .faults import EndpointTimeouts
from .model import Endpoint
from .probe import probe_request
from .request import LIST_SECONDS, models

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
_LIMIT = re.compile(r"accepts (\d+) images? per question")
_OWNERS = {
    "vllm": "vLLM", "llamacpp": "llama.cpp", "library": "Ollama", "sglang": "SGLang",
    "organization_owner": "LM Studio", "openai": "OpenAI", "system": "OpenAI",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found out; every value is one line for a person, empty where nothing is known.

    `images_per_question`: "at least 8", or the server's limit. `schema`: "enforced" if an answer
    followed a schema against what the question asked for, "accepted, not enforced", or "refused".
    `reasoning`: whether a short answer contained any.
    """

    server: str
    listed: str = ""
    context: str = ""
    images: str = ""
    images_per_question: str = ""
    streaming: str = ""
    schema: str = ""
    reasoning: str = ""


def capabilities(loading: Loading) -> Capabilities:
    """Ask a server what it can do. Raises nothing: `server` contains why it cannot be asked."""
    try:
        endpoint = Endpoint(loading)
    except SightlineError as error:
        return Capabilities(str(error))
    try:
        return _found(endpoint, loading.name)
    finally:
        endpoint.close()


def models_at(url: str) -> list[str]:
    """Return the names of the models that a server lists.

    Raises UsageError for what is no address, ModelMissing if no server answers there.
    """
    address = address_of(Loading("", "endpoint", None, "endpoint", options={"url": url}))
    connection = EndpointConnection(address, key_for(address), 1, EndpointTimeouts(LIST_SECONDS))
    try:
        found = connection.run(models(connection.client, EndpointTimeouts(LIST_SECONDS)))
    finally:
        connection.close()
    names = [clean(str(row["id"]), limit=200) for row in (found or ([], ""))[0]]
    if not names:
        raise ModelMissing(f"{clean(url, limit=200)} lists no models; is a server there, at /v1?")
    return names


def as_lines(found: Capabilities) -> dict[str, str]:
    """Return what was found out, by name, without what says nothing."""
    return {key: value for key, value in asdict(found).items() if value}


def _found(endpoint: Endpoint, name: str) -> Capabilities:
    rows, banner = endpoint.listed()
    own: dict[str, Any] = next((row for row in rows if row["id"] == name), {})
    owner = own["owned_by"] if isinstance(own.get("owned_by"), str) else ""
    context = _context(own)
    return Capabilities(
        server=clean(_OWNERS.get(owner.lower(), "") or banner or owner or "unknown", limit=80),
        listed="yes" if own else "no" if rows else "the server lists no models",
        context=counted(context, "token") if isinstance(context, int) else "",
        images="yes",
        images_per_question=_images(endpoint),
        streaming=_streaming(endpoint),
        schema=_schema(endpoint),
        reasoning=_reasoning(endpoint),
    )


def _context(row: dict[str, Any]) -> Any:
    """Return the length of the context that a server lists with a model, if it does."""
    meta = row.get("meta")
    known = {**meta, **row} if isinstance(meta, dict) else row
    names = ("max_model_len", "max_context_length", "context_length", "n_ctx", "n_ctx_train")
    return next((known[name] for name in names if known.get(name)), None)


def _answer(endpoint: Endpoint, request: VlmRequest) -> Completion:
    """Return one answer; of a fault that would stop a scan, a failed one."""
    try:
        (answer,) = endpoint.answer(endpoint.prepare([request]), lambda: False)
    except SightlineError as error:
        return Completion("", "failed", 0.0, error=str(error))
    return answer


def _images(endpoint: Endpoint) -> str:
    most = 1
    for count in COUNTS:
        answer = _answer(endpoint, probe_request(count))
        limit = _LIMIT.search(answer.error)
        if limit:
            return f"{limit[1]} (the server's limit)"
        if "HTTP" in answer.error:  # one token may well be no answer, which is no refusal
            return f"{most}, of {count}: {answer.error}"
        most = count
    return f"at least {most}"


def _streaming(endpoint: Endpoint) -> str:
    answer = _answer(endpoint, probe_request(tokens=TOKENS))
    if "stream" in endpoint.left_out:
        return "refused"
    if answer.error:
        return f"unknown: {answer.error}"
    return "no: an answer comes in one piece" if answer.first_token_seconds is None else "yes"


def _schema(endpoint: Endpoint) -> str:
    request = replace(probe_request(prompt=_AGAINST, tokens=TOKENS), schema=_SCHEMA)
    answer = _answer(endpoint, request)
    if "response_format" in endpoint.left_out:
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


def _reasoning(endpoint: Endpoint) -> str:
    answer = _answer(endpoint, probe_request(prompt="Say yes.", tokens=TOKENS))
    if answer.thought_letters or "reasoning" in answer.error:
        return "yes"
    return "unknown" if answer.error else "no"
