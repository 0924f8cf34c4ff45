"""What a server's error means for a scan: about the server (the scan stops), or about one question.

The texts are those of llama.cpp, vLLM, Ollama, LM Studio, SGLang, OpenAI and OpenRouter, as their
public reports quote them (`tests/models/vlm/server_cases.py` names those).
"""

from __future__ import annotations

import re

from .faults import Denied

_LOADING = re.compile(
    r"load(?:ing)? (?:the )?model|model is (?:still )?(?:being )?load|still loading|warming up"
    r"|not ready|is starting|starting up|server is initializ"
)
_NOT_LOADED = re.compile(
    r"no models? (?:is |are )?(?:currently )?loaded|model is not loaded|model (?:is )?unloaded"
    r"|(?:failed to|unable to|could not|cannot) load (?:the )?model|error loading model"
    r"|unable to start process|upstream command exited|requires more system memory"
)
_NO_IMAGES = re.compile(
    r"image inputs? (?:is|are) not supported|mmproj|missing data required for image input"
    r"|not support(?:ed)?(?: for)?(?: any)? (?:image|vision|multi-?modal)"
    r"(?: input|s\b|\b(?! format))"
    r"|support(?:s)? image input|not a (?:multi-?modal|vision)|multi-?modal (?:is |are )?not "
    r"|image(?:s|_url)? (?:is|are) (?:only )?(?:not )?supported (?:by|for) (?:this|certain)"
    r"|at most 0 image|unmarshal array into go struct field message"
    r"|content\W{0,4}(?:value )?must be a string|invalid type: sequence, expected a string"
    r"|unknown variant \W?image_url|unsupported content part type"
)
_ONE_FORMAT = re.compile(r"image (?:format|type)|format of the image")
_TEMPLATE = re.compile(r"chat[ _]template|jinja|template (?:error|is not)|apply_chat_template")
_MOST_IMAGES = re.compile(
    r"at most (\d+) (?:image|picture)|image=(\d+) .{0,60}limit|only (\d+) images? (?:is|are|per)"
    r"|max(?:imum)? (?:number )?(?:of )?(\d+) images|up to (\d+) images"
)
_TOO_MANY_IMAGES = re.compile(r"too many (?:images|pictures|image)|number of images exceeds")
_ANSWER_LENGTH = re.compile(r"max_(?:completion_|new_|output_)?tokens")
_NUMBER_REFUSED = re.compile(
    r"too (?:large|big|high|many)|exceed|at most|maximum|must be|less than|<=|out of range|limit"
)
_INPUT = re.compile(r"inputs?\b|prompt|messages")
_LIMIT = re.compile(
    r"(?:at most|<=|less than or equal to|maximum(?: (?:context|value|number|model|allowed|length"
    r"|of|is|tokens))*|limit (?:is|of))\D{0,12}(\d+)"
)
_SETTINGS = {
    "max_tokens": "vlm.max_tokens", "max_completion_tokens": "vlm.max_tokens",
    "chat_template_kwargs": "vlm.thinking", "mm_processor_kwargs": "vlm.max_slice_nums",
    "response_format": "the JSON schema of the stage",
}  # fmt: skip
_MONEY = re.compile(
    r"insufficient_quota|insufficient (?:credit|balance|quota|fund)|payment|billing"
)
_KEY = re.compile(
    r"invalid_api_key|(?:invalid|incorrect|missing|wrong) (?:api )?key|unauthori[sz]ed"
)
_ABSENT = re.compile(
    r"not found|not exist|unknown model|invalid model|pinned|model_not_found|no such model"
    r"|not supported by any provider|not a valid model"
)
_FLAGGED = re.compile(r"flagged|moderation|content policy|safety")
_REQUEST = re.compile(
    r"invalid_request|badrequest|bad request|exceed|too (?:long|large|many|big)|unsupported"
    r"|not supported|not support|image|picture|template|grammar|schema|prompt|mmproj|multi-?modal"
)


def is_loading(denied: Denied) -> bool:
    """Return whether a server says that it is still loading its model."""
    return denied.status in (503, 200, 500, 425) and bool(
        _LOADING.search(denied.words) and not _NOT_LOADED.search(denied.words)
    )


def will_not_pass(denied: Denied) -> bool:
    """Return whether it is no use to repeat a request, whatever the status says.

    Some errors of the server (5xx) are really about the request, and a busy server (429) may lack
    payment.
    """
    if denied.status == 501 or stops(denied, ""):
        return True
    is_fault = denied.status >= 500 and denied.status != 503
    return is_fault and bool(_REQUEST.search(denied.words))


def most_images(denied: Denied) -> int | None:
    """Return how many images one question may contain, if the server says so."""
    found = _MOST_IMAGES.search(denied.words)
    return next(int(number) for number in found.groups() if number) if found else None


def names_missing_model(denied: Denied) -> bool:
    """Return whether the server has no model of the name."""
    words = denied.words
    absent = "model" in words and bool(_ABSENT.search(words))
    return absent and denied.status in (200, 400, 404, 422)


def stops(denied: Denied, url: str) -> str:
    """Return why every question will fail, in one line; empty if it concerns one question only."""
    words, status = denied.words, denied.status
    if status == 401 or (status == 403 and not _FLAGGED.search(words)) or _KEY.search(words):
        return f"{url} rejects the key ({denied}); set SIGHTLINE_ENDPOINT_KEY to it"
    if status == 402 or _MONEY.search(words):
        return f"{url} wants payment ({denied})"
    if _NOT_LOADED.search(words):
        return f"{url} has no model loaded ({denied}); load it at the server, then scan again"
    if _NO_IMAGES.search(words) and not _ONE_FORMAT.search(words):
        return (
            f"{url} accepts no images ({denied}); serve a vision model (llama.cpp: with --mmproj)"
        )
    if _TEMPLATE.search(words) and "chat_template_kwargs" not in words:
        return f"the chat template of {url} cannot be used ({denied}); give the server another one"
    return _stops_for_settings(denied, url) or _stops_at_the_path(denied, url)


def _stops_for_settings(denied: Denied, url: str) -> str:
    """Return why a setting makes the server refuse every request, with the setting."""
    if _is_answer_length(denied):
        return f"vlm.max_tokens is more than {url} accepts ({denied}); reduce it"
    if denied.field:
        setting = _SETTINGS.get(denied.field)
        way = f"change {setting}" if setting else "use another server"
        return f"{url} refuses '{denied.field}' in every request ({denied}); {way}"
    return ""


def _is_answer_length(denied: Denied) -> bool:
    """Return whether the limit of an answer is refused whatever the question is.

    Where the length of the question is part of it, another picture may be accepted, unless the
    limit of the answer is larger than the context by itself.
    """
    words = denied.words
    if denied.status not in (200, 400, 413, 422, 500) or not _ANSWER_LENGTH.search(words):
        return False
    if not _NUMBER_REFUSED.search(words):
        return False
    limit = _LIMIT.search(words)
    if limit is None or not _INPUT.search(words):
        return True
    return any(int(each) > int(limit[1]) for each in re.findall(r"\d+", words))


def _stops_at_the_path(denied: Denied, url: str) -> str:
    most = most_images(denied)
    if most or _TOO_MANY_IMAGES.search(denied.words):
        count = f"{most} image{'s' if most > 1 else ''}" if most else "fewer images"
        return (
            f"{url} accepts {count} per question ({denied}); reduce verify.frames or vlm.packing, "
            "or raise the limit at the server (vLLM: --limit-mm-per-prompt)"
        )
    if names_missing_model(denied):
        return ""  # the caller names the models that there are
    unknown = denied.status == 404 or "unexpected endpoint" in denied.words
    if unknown or denied.status in (301, 302, 307, 308, 405) or denied.tags == "web_page":
        hint = "" if url.endswith("/v1") else f"; is the address {url}/v1#MODEL?"
        return f"{url}/chat/completions is not there ({denied}){hint}"
    return ""
