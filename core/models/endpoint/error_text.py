"""What a server says is wrong, from any of the shapes in which servers say it, for a person.

llama.cpp, OpenAI, Ollama and current vLLM: `{"error": {"message", "type", "code"}}`; SGLang and
former vLLM: `{"object": "error", "message", "code"}`; LM Studio and TGI: `{"error": "text"}`;
FastAPI: `{"detail": "text"}` or a list of `{"loc", "msg"}`; proxies: a web page, or plain text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from ...text import clean
from .faults import Denied
from .json_text import object_in

MOST_LETTERS = 300
MOST_READ = 20_000
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.?)")
_HIDDEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,400}>")
_MARKUP = re.compile(
    r"</?(?:a|b|i|p|u|br|hr|em|div|pre|code|span|font|strong|center|h[1-6]|html|body|title)\b"
    r"[^<>]{0,200}>",
    re.IGNORECASE,
)
_PAGE = re.compile(r"\A\s*(?:<!doctype html|<html|<head|<body)", re.IGNORECASE)


def is_page(body: bytes) -> bool:
    """Return whether a body is a web page."""
    return bool(_PAGE.match(body[:500].decode("utf-8", "replace")))


def shown(text: str) -> str:
    """Return a server's text on one line, without terminal escapes and markup, cut."""
    text = _ESCAPES.sub("", text[:MOST_READ])
    if _PAGE.match(text):
        title = _TITLE.search(text)
        text = title[1] if title else html.unescape(_TAG.sub(" ", _HIDDEN.sub(" ", text)))
    return clean(" ".join(_MARKUP.sub(" ", text).split()), limit=MOST_LETTERS)


def denied(status: int, body: bytes, reason: str = "") -> Denied:
    """Return the fault that a response with an error status is."""
    found = object_in(body)
    if found is None:
        return Denied(status, shown(body[:MOST_READ].decode("utf-8", "replace")) or shown(reason))
    return Denied(status, said_in(found) or shown(reason), tags_in(found))


def error_in(body: Mapping[str, Any], whole: bool) -> Denied | None:
    """Return the error that an answer with status 200 contains; None if it contains none.

    A piece of a stream may well have neither choices nor an error: `whole` says that it is none.
    """
    error = body.get("error")
    is_error = bool(error) or body.get("object") == "error"
    says_why = whole and "choices" not in body and bool(body.get("detail") or body.get("message"))
    if not (is_error or says_why):
        return None
    inner = error if isinstance(error, dict) else body
    code = next((inner.get(key) for key in ("code", "status", "status_code")), None)
    status = code if isinstance(code, int) and 400 <= code <= 599 else 200
    return Denied(status, said_in(body) or "no reason given", tags_in(body), "error in the answer")


def said_in(body: Mapping[str, Any]) -> str:
    """Return what a server says is wrong."""
    error = body.get("error") or body.get("detail") or body.get("message") or ""
    if isinstance(error, dict):  # Mistral: a `detail` inside the message
        error = error.get("message") or error.get("msg") or error.get("detail") or ""
    if isinstance(error, list):
        error = "; ".join(_detail(each) for each in error[:3])
    return shown(error if isinstance(error, str) else str(error)[:MOST_LETTERS])


def tags_in(body: Mapping[str, Any]) -> str:
    """Return the codes and types that an error names."""
    error = body.get("error")
    inner = error if isinstance(error, dict) else body
    named = (inner.get(key) for key in ("code", "type", "error_type", "param"))
    return " ".join(each for each in named if isinstance(each, str))[:MOST_LETTERS]


def _detail(each: Any) -> str:
    if not isinstance(each, dict):
        return str(each)[:MOST_LETTERS]
    where = each.get("loc")
    place = ".".join(map(str, where[:6])) if isinstance(where, list) else ""
    return f"{place} {each.get('msg', '')}".strip()
