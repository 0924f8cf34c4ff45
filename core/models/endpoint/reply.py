"""What came of one question: filled while it streams, and judged at the end.

An answer that failed is never an answer: a finish reason that names a fault, a refusal, no choice,
no text, or nothing but reasoning.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...text import counted
from ..protocols import Finish
from ..thoughts import EMPTY, all_reasoning, is_blank
from .error_text import error_in, shown
from .faults import AnswerFailed
from .json_text import count_in, valid_text

_FINISHES: dict[str, Finish] = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "end"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens"), "length"),
}
_FILTERED = frozenset(
    {"content_filter", "content_filtered", "safety", "sensitive", "recitation", "blocklist",
     "prohibited_content", "spii", "refusal", "guardrail_intervened"}
)  # fmt: skip
_BROKEN = frozenset(
    {"error", "network_error", "abort", "aborted", "cancelled", "canceled", "timeout", "unload",
     "insufficient_system_resource", "model_context_window_exceeded", "malformed_function_call"}
)  # fmt: skip
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_text")


@dataclass(slots=True)
class Reply:
    """An answer, as far as it came."""

    text: str = ""
    finish: Finish = "unknown"
    tokens_in: int | None = None
    tokens_out: int | None = None
    first_token_seconds: float | None = None
    thought_letters: int = 0
    """characters of reasoning that the server separates itself"""
    ended: bool = False
    reason: str = ""
    """the finish reason as the server says it"""
    refusal: str = ""
    fault: str = ""
    choices: int = 0
    pieces: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def take(self, body: Mapping[str, Any], whole: bool = False) -> None:
        """Take in a piece of a streamed answer, or a whole one. Raises Denied, AnswerFailed."""
        error = error_in(body, whole)
        if error is not None:
            raise error
        usage = body.get("usage")
        if isinstance(usage, dict):
            self.tokens_in = count_in(usage.get("prompt_tokens"))
            self.tokens_out = count_in(usage.get("completion_tokens"))
        choices = body.get("choices")
        if isinstance(choices, list) and choices:
            self._take_choice(choices[0])
        elif whole:
            raise AnswerFailed("the answer contains no choices")
        elif isinstance(choices, list) and isinstance(usage, dict):
            self.ended = True  # the last piece, where a server omits the finish reason

    def concluded(self) -> Reply:
        """Return the reply. Raises AnswerFailed with the reason if it is no answer."""
        self.text = valid_text("".join(self.pieces))
        why = self._failure()
        if why:
            raise AnswerFailed(why)
        return self

    def _failure(self) -> str:
        if self.refusal:
            return f"the model declined: {self.refusal}"
        if self.reason in _FILTERED:
            return (
                f"a content filter of the server stopped the answer (finish reason {self.reason})"
            )
        if self.fault or self.reason in _BROKEN:
            reason = self.fault or f"finish reason {self.reason}"
            return f"the server broke off the answer: {reason}"
        if not self.choices:
            return "the answer contains no choices"
        return self._why_empty() if is_blank(self.text) else ""

    def _why_empty(self) -> str:
        if self.finish == "length":
            return all_reasoning(self.tokens_out)
        if self.thought_letters:
            letters = counted(self.thought_letters, "character")
            return f"{EMPTY}: the server put {letters} into its reasoning field only"
        if self.reason in ("tool_calls", "function_call"):
            return f"{EMPTY}: the model called a tool instead"
        return EMPTY

    def _take_choice(self, choice: Any) -> None:
        if not isinstance(choice, dict):
            raise AnswerFailed(f"the answer contains no choice, but {_type(choice)}")
        self.choices += 1
        part = choice.get("delta") or choice.get("message") or choice
        if not isinstance(part, dict):
            raise AnswerFailed(f"the answer contains no message, but {_type(part)}")
        self._take_content(part.get("content", choice.get("text")))
        self._take_reasoning(part)
        if isinstance(part.get("refusal"), str):
            self.refusal = shown(self.refusal + part["refusal"])
        self._take_end(choice)

    def _take_content(self, content: Any) -> None:
        if content is None:
            return
        parts = content if isinstance(content, list) else [content]
        for each in parts:
            if isinstance(each, dict):
                self._count(*(_texts(each.get(key)) for key in _REASONING))
            words = _words(each) if isinstance(each, dict) else each
            if isinstance(words, str):
                self._add(words)
            elif words is not None:
                raise AnswerFailed(f"the content of the answer is no text, but {_type(words)}")

    def _take_reasoning(self, part: Mapping[str, Any]) -> None:
        # Several fields at once contain the same text.
        self._count(max((_texts(part.get(key)) for key in _REASONING), key=len))

    def _take_end(self, choice: Mapping[str, Any]) -> None:
        error = choice.get("error")
        if error:
            said = error.get("message") if isinstance(error, dict) else error
            self.fault = shown(str(said)) or "no reason given"
        reason = choice.get("finish_reason")
        if isinstance(reason, dict):
            reason = reason.get("type")
        if isinstance(reason, str) and reason and reason != "null":
            self.reason = shown(reason.lower())[:60]
            self.finish = _FINISHES.get(self.reason, "unknown")
            self.ended = True

    def _add(self, words: str) -> None:
        self.pieces.append(words)
        self._note_first(words)

    def _count(self, *thoughts: str) -> None:
        self.thought_letters += sum(map(len, thoughts))
        self._note_first("".join(thoughts))

    def _note_first(self, words: str) -> None:
        if words and self.first_token_seconds is None:
            self.first_token_seconds = time.perf_counter() - self.began


def _words(part: Mapping[str, Any]) -> Any:
    """Return the text of a part of a content list; "" for a part that is reasoning."""
    is_reasoning = any(name in str(part.get("type")) for name in ("thinking", "reasoning"))
    return "" if is_reasoning else part.get("text")


def _texts(value: Any) -> str:
    """Return the text in a field of reasoning: a string, or a list of parts."""
    if isinstance(value, list):
        parts = (each.get("text") if isinstance(each, dict) else each for each in value)
        return "".join(each for each in parts if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _type(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number",
             str: "a string", list: "a list", dict: "an object"}  # fmt: skip
    return names.get(type(value), "something else")
