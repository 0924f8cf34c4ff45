"""How servers really answer: one row per case, named by product, with the expected outcome.

The shapes and texts are those that public reports quote (named in each row, or in the docstrings of
`test_served_answers.py`); nothing here was recorded from a server of our own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.models.vlm.faulty_server import Turn

SSE = "text/event-stream"
TEXT = "A red car."


def whole(**choice: Any) -> bytes:
    """Return an answer that is not streamed, with one choice."""
    usage = {"prompt_tokens": 11, "completion_tokens": 9}
    return json.dumps({"id": "x", "choices": [{"index": 0, **choice}], "usage": usage}).encode()


def said(content: Any, reason: str | None = "stop", **more: Any) -> bytes:
    return whole(message={"role": "assistant", "content": content, **more}, finish_reason=reason)


def events(*bodies: Any, done: bool = True, end: str = "\n\n") -> bytes:
    """Return a stream of events; a string stands for a line as it is."""
    lines = [each if isinstance(each, str) else f"data: {json.dumps(each)}" for each in bodies]
    return end.join([*lines, *(["data: [DONE]"] if done else []), ""]).encode()


def delta(content: Any = None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content, **more},
                         "finish_reason": reason}]}  # fmt: skip


def error(status: int, message: str, kind: str = "invalid_request_error", **more: Any) -> Turn:
    """Return an error as llama.cpp, OpenAI and Ollama shape it."""
    body = {"error": {"code": status, "message": message, "type": kind} | more}
    return Turn(status, raw=json.dumps(body).encode())


def flat(status: int, message: str) -> Turn:
    """Return an error as SGLang and former versions of vLLM shape it."""
    body = {"object": "error", "message": message, "type": "BadRequestError", "code": status}
    return Turn(status, raw=json.dumps(body).encode())


def stream(body: bytes, **more: Any) -> Turn:
    return Turn(raw=body, **{"kind": SSE, **more})


def answer(body: bytes, **more: Any) -> Turn:
    return Turn(raw=body, **more)


USAGE = {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 9}}
WHOLE = (delta("", role="assistant"), delta("A red "), delta("car."), delta(reason="stop"))
BARE = (delta("A red "), delta("car."), delta(reason="stop"))


@dataclass(frozen=True)
class Kept:
    """An answer that is kept: `text`, and facts about it."""

    name: str
    turn: Turn
    text: str = TEXT
    finish: str = "stop"
    removed: tuple[str, ...] = ()
    thought_letters: int = 0


KEPT = (
    # the end of a stream
    Kept("vLLM: role first, usage last", stream(events(*WHOLE, USAGE))),
    Kept("vllm-mlx#101: no [DONE], the connection stays open",
         stream(events(*WHOLE, done=False), end="open")),
    Kept("the usage follows, then the connection stays open",
         stream(events(*WHOLE, USAGE, done=False), end="open")),
    Kept("half-closed after the last piece", stream(events(*WHOLE, done=False), end="half")),
    Kept("reset after the last piece", stream(events(*WHOLE, done=False), end="reset")),
    Kept("pi#7441: no finish reason, no [DONE], usage with empty choices",
         stream(events(delta("A red car."), USAGE, done=False)), finish="unknown"),
    Kept("vllm-mlx#628: finish reason null, then [DONE]",
         stream(events(delta("A red car."))), finish="unknown"),
    Kept("ollama#4357, sglang#3912: finish reason is an empty string",
         stream(events(delta("A red ", ""), delta("car.", ""), delta("", "stop")))),
    Kept("an error after the end of the answer",
         stream(events(*WHOLE, {"error": {"message": "cleanup failed", "code": 500}}))),
    # its pieces
    Kept("litellm#34382: a piece without choices",
         stream(events({"id": "x", "model": "m"}, {"message": "queued"}, *WHOLE, {"usage": None}))),
    Kept("Azure: the first piece has empty choices",
         stream(events({"choices": [], "prompt_filter_results": []}, *WHOLE))),
    Kept("a missing role", stream(events(*BARE))),
    Kept("no space after data:, comments, other fields", stream(
        b": OPENROUTER PROCESSING\n\nevent: message\nid: 1\nretry: 10\n"
        + events(*WHOLE).replace(b"data: ", b"data:"))),
    Kept("CRLF", stream(events(*WHOLE, end="\r\n\r\n"))),
    Kept("CR alone", stream(events(*WHOLE, end="\r\r"))),
    Kept("no empty lines between events", stream(events(*WHOLE, end="\n"))),
    Kept("byte order mark", stream(b"\xef\xbb\xbf" + events(*WHOLE))),
    Kept("text/plain", stream(events(*WHOLE), kind="text/plain; charset=utf-8")),
    Kept("application/json", stream(events(*WHOLE), kind="application/json")),
    Kept("an event of two lines",
         stream(b'data: {"choices": [{"delta":\ndata: {"content": "A red car."}}]}\n\n'
                + events(delta(reason="stop")))),
    Kept("a letter in two pieces", stream(
        b'data: {"choices": [{"delta": {"content": "\\ud83d"}}]}\n\n'
        b'data: {"choices": [{"delta": {"content": "\\ude00"}}]}\n\n'
        + events(delta(reason="stop"))), "\U0001f600"),
    Kept("not UTF-8", stream(
        b'data: {"choices": [{"delta": {"content": "caf\xe9"}}]}\n\n'
        + events(delta(reason="stop"))), "caf\ufffd"),
    Kept("delta null, message instead", stream(events(
        {"choices": [{"delta": None, "message": {"content": TEXT}, "finish_reason": "stop"}]}))),
    # whole answers
    Kept("whole though a stream was asked for", answer(said(TEXT))),
    Kept("a byte order mark before JSON", answer(b"\xef\xbb\xbf" + said(TEXT))),
    Kept("JSON as text/plain", answer(said(TEXT), kind="text/plain")),
    Kept("whole, the connection stays open", answer(said(TEXT), end="open")),
    Kept("content is a list of parts",
         answer(said([{"type": "text", "text": "A red "}, {"type": "text", "text": "car."}]))),
    Kept("Mistral: a part that is reasoning", answer(said(
        [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
         {"type": "text", "text": TEXT}])), thought_letters=2),
    Kept("absurd numbers of tokens", answer(
        said(TEXT).replace(b'"completion_tokens": 9', b'"completion_tokens": NaN'))),
    Kept("choices of the completions API", answer(whole(text=TEXT, finish_reason="stop"))),
    Kept("cut off", answer(said(TEXT, "length")), finish="length"),
    Kept("Gemini: MAX_TOKENS", answer(said(TEXT, "MAX_TOKENS")), finish="length"),
    Kept("an unknown finish reason with a text", answer(said(TEXT, "whatever")), finish="unknown"),
    # reasoning
    Kept("vLLM: reasoning_content", answer(said(TEXT, reasoning_content="hmm")),
         thought_letters=3),
    Kept("Ollama, current vLLM: reasoning, streamed",
         stream(events(delta(reasoning="hm"), delta(reasoning="m"), *WHOLE)), thought_letters=3),
    Kept("both fields with the same text",
         answer(said(TEXT, reasoning="hmm", reasoning_content="hmm")), thought_letters=3),
    Kept("vllm#31045, #17144: a closing tag only",
         answer(said("The user asks.</think>\n\nA red car.")),
         removed=("</think>",), thought_letters=16),
    Kept("ollama#9137, ovh#1123: tags in the content", stream(events(
        delta("<thi"), delta("nk>hm</th"), delta("ink>A red car."), delta(reason="stop"))),
         removed=("<think>", "</think>"), thought_letters=2),
    Kept("Kimi-VL", answer(said("\u25c1think\u25b7hm\u25c1/think\u25b7A red car.")),
         removed=("\u25c1think\u25b7", "\u25c1/think\u25b7"), thought_letters=2),
    Kept("mlx-vlm#2170: GLM-4.6V boxes", answer(said("<|begin_of_box|>A red car.<|end_of_box|>")),
         removed=("<|begin_of_box|>", "<|end_of_box|>")),
)  # fmt: skip


@dataclass(frozen=True)
class Lost:
    """A question that fails alone: why, and how many requests it takes."""

    name: str
    turn: Turn
    why: str
    requests: int = 1


DEEP = b'{"choices": ' + b"[" * 100_000
CONTEXT = error(400, "request (4476 tokens) exceeds the available context size (4096 tokens)",
                "exceed_context_size_error", n_prompt_tokens=4476, n_ctx=4096)  # fmt: skip

LOST = (
    Lost("bifrost#5425, claudexor#144: finish reason error with a partial text",
         answer(said("A red", "error")), "broke off the answer: finish reason error"),
    Lost("OpenRouter: an error in the choice", answer(whole(
        message={"content": "A red"}, finish_reason="error", error={"message": "upstream died"})),
        "broke off the answer: upstream died"),
    Lost("litellm#38199: content_filter", answer(said("A red", "content_filter")),
         "content filter .* content_filter"),
    Lost("litellm#8953: content_filter, null content", answer(said(None, "content_filter")),
         "content filter"),
    Lost("choices: []", answer(b'{"choices": []}'), "contains no choices"),
    Lost("choices: [null]", answer(b'{"choices": [null]}'), "no choice, but null"),
    Lost("choices: [[]]", answer(b'{"choices": [[]]}'), "no choice, but a list"),
    Lost("choices: null", answer(b'{"choices": null}'), "contains no choices"),
    Lost("choices is a string", answer(b'{"choices": "x"}'), "contains no choices"),
    Lost("message is a number", answer(whole(message=4)), "no message, but a number"),
    Lost("content is a number", answer(said(7)), "no text, but a number"),
    Lost("null content", answer(said(None)), "the answer is empty$"),
    Lost("empty content", answer(said("  \n")), "the answer is empty$"),
    Lost("nothing to be seen", answer(said("\u200b\u2060\ufeff\n")), "the answer is empty$"),
    Lost("a stream of nothing", stream(events()), "contains no choices"),
    Lost("a stream of null choices", stream(events({"choices": [None]})), "no choice, but null"),
    Lost("vllm#52640: all tokens spent on reasoning",
         answer(said(None, "length", reasoning="hmm")), "9 tokens spent on reasoning"),
    Lost("the same inside the content", answer(said("<think>hmm, hmm", "length")),
         "9 tokens spent on reasoning"),
    Lost("MiniCPM-V#1016, vllm#48645: the answer is in the reasoning field",
         answer(said("", reasoning_content="A red car.")), "10 characters into its reason"),
    Lost("reasoning without an answer", answer(said("<think>hmm</think>")), "without an answer"),
    Lost("a refusal", answer(said(None, refusal="I cannot help with that.")),
         "the model declined: I cannot help"),
    Lost("a refusal, streamed", stream(events(
        delta(refusal="I can"), delta(refusal="not."), delta(reason="stop"))),
        "the model declined: I cannot."),
    Lost("a tool call", answer(said(None, "tool_calls")), "called a tool instead"),
    Lost("vLLM: an error in a stream",
         stream(events({"error": {"message": "EngineCore died", "code": 500}})),
         "error in the answer: EngineCore died"),
    Lost("an error after half an answer", stream(events(
        delta("A red"), {"error": {"message": "slot lost", "code": 500}}, done=False)),
        "slot lost"),
    Lost("an error inside HTTP 200", answer(b'{"error": "CUDA error"}'), "CUDA error"),
    Lost("Gemini: a list with an error", answer(b'[{"error": {"message": "quota of images"}}]'),
         "quota of images"),
    Lost("not an object", answer(b"[1, 2, 3, 4]"), "not a JSON object"),
    Lost("deeply nested", answer(DEEP), "nested too deeply"),
    Lost("a deeply nested error", answer(
        b'{"error": {"message": ' + b'{"a": [' * 400 + b"1" + b"]}" * 400 + b"}}"), "nested|a"),
    Lost("vLLM: no place for the answer beside this picture", flat(
        400, "'max_tokens' is too large: 512. This model's maximum context length is 4096 tokens "
        "and your request has 3900 input tokens (512 > 4096 - 3900)."), "is too large: 512"),
    Lost("Mistral: a detail inside the message", Turn(422, raw=json.dumps(
        {"object": "error", "message": {"detail": [{"loc": ["body", "messages"], "msg": "bad"}]}}
        ).encode()), "body.messages bad"),
    Lost("a broken compression", Turn(raw=b"\x1f\x8b\0garbage",
                                      headers={"content-encoding": "gzip"}), "cannot be read", 2),
    Lost("no JSON at all", answer(b"nonsense nonsense"), "cannot be read", 2),
    Lost("an empty body", answer(b""), "cannot be read", 2),
    Lost("cut off in the middle", stream(events(delta("A red"), done=False)), "was cut off", 2),
    Lost("llama.cpp: one image cannot be decoded (joycaption#48)",
         error(400, "Failed to load image or audio file"), "Failed to load image or audio file"),
    Lost("the same as 500", error(500, "failed to process image", "server_error"),
         "failed to process image"),
    Lost("transformers serve: 500, a picture",
         Turn(500, "aspect ratio must be smaller than 200: image"), "aspect ratio"),
    Lost("vLLM: a request-shaped 500", Turn(500, "unsupported value in prompt"), "unsupported"),
    Lost("OpenRouter: 403 about one image", error(403, "your input was flagged by moderation"),
         "flagged by moderation"),
    Lost("a 422 of FastAPI", Turn(422, raw=json.dumps(
        {"detail": [{"loc": ["body", "messages", 0], "msg": "bad picture"}]}).encode()),
        "body.messages.0 bad picture"),
    Lost("a server error", Turn(500, "out of luck"), "out of luck", 2),
    Lost("Ollama: overloaded", error(503, "server busy, please try again"), "server busy", 2),
    Lost("a proxy's page", Turn(502, raw=b"<html><head><title>502 Bad Gateway</title></head>"
                                b"<body><center>nginx</center></body></html>"),
         "HTTP 502: 502 Bad Gateway$", 2),
    Lost("escapes and markup", error(
        400, "bad \x1b[31m<b class=x>picture</b>\x1b]0;x\x07 \u202e" + "y" * 900),
         "bad picture .y+\u2026$"),
)  # fmt: skip


@dataclass(frozen=True)
class Stop:
    """What stops a scan at once, when a model is loaded and later: the line."""

    name: str
    turn: Turn
    why: str


STOPS = (
    Stop("another key (401)", error(401, "Invalid API Key", "authentication_error"),
         "rejects the key .*Invalid API Key"),
    Stop("SGLang: 401", Turn(401, raw=b'{"error":"Unauthorized"}'), "rejects the key"),
    Stop("403", error(403, "Forbidden"), "rejects the key"),
    Stop("402", error(402, "Insufficient credits"), "wants payment .*Insufficient credits"),
    Stop("OpenAI: 429 without quota",
         error(429, "You exceeded your current quota", "insufficient_quota"), "wants payment"),
    Stop("llama.cpp#13566, #23331: no mmproj", error(
        500, "image input is not supported - hint: if this is unexpected, you may need to provide "
        "the mmproj", "server_error"), "accepts no images .*mmproj.* serve a vision model"),
    Stop("vllm#19144: a text model", flat(400, "Qwen/Qwen3-8B is not a multimodal model"),
         "accepts no images"),
    Stop("ollama#17301: a text model", error(400, "this model does not support image input"),
         "accepts no images"),
    Stop("Ollama: no projector", error(500, "this model is missing data required for image input"),
         "accepts no images"),
    Stop("Ollama, former: content must be a string (LibreChat#2494)", error(
        400, "json: cannot unmarshal array into Go struct field Message.messages.content of type "
        "string"), "accepts no images"),
    Stop("LM Studio: no model loaded (lms#107)", Turn(404, raw=json.dumps(
        {"error": {"message": "No models loaded. Please load a model in the developer page or use "
                   "the `lms load` command.", "code": "model_not_found"}}).encode()),
        "no model loaded .*lms load"),
    Stop("LM Studio: a wrong path answers 200 (lmstudio-bug-tracker#618)", answer(
        b'{"error":"Unexpected endpoint or method. (POST /chat/completions)"}'),
        "chat/completions is not there .*Unexpected endpoint"),
    Stop("Ollama: too little memory", error(
        500, "model requires more system memory (5.6 GiB) than is available (3.1 GiB)"),
        "has no model loaded .*more system memory"),
    Stop("llama-swap: its server does not start",
         Turn(502, raw=b"unable to start process: upstream command exited prematurely"),
         "has no model loaded .*exited prematurely"),
    Stop("Ollama: a wrong path", Turn(404, raw=b"404 page not found", kind="text/plain"),
         "is not there .*404 page not found"),
    Stop("vLLM, SGLang: a wrong path", Turn(404, raw=b'{"detail":"Not Found"}'), "is not there"),
    Stop("llama.cpp: a wrong path", error(404, "File Not Found", "not_found_error"),
         "is not there"),
    Stop("a web page", answer(b"<!doctype html><html><body>Open WebUI</body></html>",
                              kind="text/html"), "is not there .*a web page"),
    Stop("a redirect", Turn(307, raw=b"", headers={"location": "https://elsewhere/v1"}),
         "is not there .*redirects to https://elsewhere"),
    Stop("vllm#39279: no chat template", flat(
        400, "As of transformers v4.44, default chat template is no longer allowed, so you must "
        "provide a chat template if the tokenizer does not define one."),
        "chat template of .* cannot be used"),
    Stop("llama.cpp: a chat template that fails", error(
        500, "Jinja Exception: unknown filter", "server_error"), "chat template of"),
    Stop("vLLM: max_tokens beyond the context", flat(
        400, "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens "
        "and your request has 300 input tokens"), "vlm.max_tokens is more than .* reduce it"),
    Stop("OpenAI: max_tokens", error(
        400, "max_tokens is too large: 512. This model supports at most 256 completion tokens, "
        "whereas you provided 512."), "vlm.max_tokens is more than"),
    Stop("TGI: max_new_tokens", Turn(422, raw=b'{"error":"Input validation error: `inputs` tokens '
         b'+ `max_new_tokens` must be <= 256. Given: 100 `inputs` tokens and 512 `max_new_tokens`"}'
         ), "vlm.max_tokens is more than"),
    Stop("a limit of the answer", error(400, "max_tokens exceeds the maximum of 4096"),
         "vlm.max_tokens is more than"),
    Stop("DeepSeek: a text model", error(
        400, "Failed to deserialize the JSON body into the target type: messages[0]: unknown "
        "variant `image_url`, expected `text`"), "accepts no images"),
    Stop("Groq: a text model", error(400, "'messages.0.content' : value must be a string"),
         "accepts no images"),
    Stop("Groq: too many images", error(
        400, "Too many images provided. This model supports up to 5 images"),
        "accepts 5 images per question .* verify.frames or vlm.packing"),
    Stop("Anthropic: too many images", error(400, "messages.0: too many images and documents"),
         "accepts fewer images per question .* verify.frames or vlm.packing"),
    Stop("vllm#13513: one image per question", flat(
        400, "At most 1 image(s) may be provided in one request."),
        "accepts 1 image per question"),
    Stop("vLLM: no such model", flat(404, "The model `tiny` does not exist."), "no model 'tiny'"),
    Stop("Ollama: no such model", error(404, 'model "tiny" not found, try pulling it first'),
         "has no model 'tiny'"),
    Stop("LM Studio: no such model", error(
        400, 'Invalid model identifier "tiny". Please specify a valid downloaded model',
        code="model_not_found"), "no model 'tiny'"),
    Stop("a router without the model", error(
        400, "The requested model 'tiny' is not supported by any provider you have enabled."),
        "no model 'tiny'"),
    Stop("OpenRouter: no image input", error(404, "No endpoints found that support image input"),
         "accepts no images"),
    Stop("Retry-After beyond the limit", Turn(429, "later", {"retry-after": "9999"}),
         "asks for a wait of 9999 s, vlm.wait_seconds allows 1"),
    Stop("an endless Retry-After", Turn(503, "later", {"retry-after": "inf"}), "asks for a wait"),
    Stop("llama.cpp: loading for longer than the limit",
         error(503, "Loading model", "unavailable_error"), "not loaded its model within 1 s"),
)  # fmt: skip
