"""Facts about one answer of a VLM: measured or counted, never judged.

Nothing here says whether an answer is good. Definitions are fixed, so that figures of two models,
or of last month, can be compared:

repetition      share of the words that lie in a run of four words which stood earlier already
looping         the text ends in one unit of up to 200 characters, three times or more on end and
                over at least 30 characters; the last one may be cut off
echo            share of the prompt's different runs of four words (of fewer, if it is shorter)
                that are in the answer too
control_tokens  what marks turns, pictures or thoughts and should never reach a reader, each once
refusal         the first 300 characters hold a phrase by which a model declines; cautious: that
                nothing can be seen *in* a picture is an answer
empty           no letter and no digit
removed         marks of reasoning, or around the answer, that are not part of the text any more
thought_letters characters of reasoning that were removed, or that a server reports separately
reduced         the size in pixels that pictures were reduced to, because a server says that it
                accepts no larger ones
missing_fields  fields of a verdict that the first JSON object in the answer lacks; all of them
                where there is none

Words are runs of letters and digits in lower case; every Chinese, Japanese or Korean character is
a word of its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .answer_text import CONTROL
from .protocols import Completion
from .thoughts import marks_in

RUN = 4
"""words that must recur in order before it counts"""
LONGEST_UNIT = 200
LEAST_LOOP = 30
LEAST_TURNS = 3
REFUSAL_WITHIN = 300
TOKENS_KEPT = 8
VERDICT_FIELDS = ("verdict", "kind", "frames", "confidence", "reason")

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\ud7af]+")
_DECLINES = (
    r"(?:can(?:['\u2019]t|not| not)|could not|won['\u2019]t"
    r"|(?:am|['\u2019]m) (?:unable|not able) to)"
)
_DECLINED = (
    r"(?:help|assist|comply|fulfil|engage|provide|(?:view|access|open|process|analy[sz]e|see)"
    r" (?:\w+ )?(?:images?|pictures?|photos?|attachments?|files?)"
    r"|identify (?:\w+ )?(?:people|persons?|individuals?|who))"
)
_REFUSAL = re.compile(
    rf"\bas an ai\b|\bi ?{_DECLINES} {_DECLINED}|\bi(?:['\u2019]m| am) sorry,? but i {_DECLINES}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Times in seconds. None where not reported by the backend, or nothing to count.

    `seconds` and `tokens_per_second` are this answer's share of its batch; `first_token_seconds`
    is the time until the batch's first token. `peak_bytes` is the most that torch held on the GPU
    while the batch ran, weights and other models included; on a CPU, what the process held.
    """

    tokens_in: int | None
    tokens_out: int | None
    seconds: float
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    pictures_per_second: float | None = None
    batch: int = 1
    peak_bytes: int | None = None
    repetition: float | None = None
    looping: bool = False
    echo: float | None = None
    control_tokens: tuple[str, ...] = ()
    refusal: bool = False
    empty: bool = False
    missing_fields: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    thought_letters: int | None = None
    reduced: str | None = None


def facts(answer: Completion, prompt: str, form: str, pictures: int = 1) -> Facts:
    """Return what can be counted about an answer to `prompt`, which asked for `form`.

    `pictures` is how many it was shown.
    `form` is "text", "keywords" or "verdict", as a prompt of the library says.
    """
    text = answer.text
    first = answer.first_token_seconds
    return Facts(
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        seconds=round(answer.seconds, 4),
        first_token_seconds=None if first is None else round(first, 4),
        tokens_per_second=_a_second(answer.tokens_out or 0, answer),
        pictures_per_second=_a_second(pictures, answer),
        batch=answer.batch,
        peak_bytes=answer.peak_bytes,
        repetition=repetition(text),
        looping=looping(text),
        echo=echo(text, prompt),
        control_tokens=control_tokens(text),
        refusal=refusal(text),
        empty=not any(char.isalnum() for char in text),
        missing_fields=missing_fields(text) if form == "verdict" else (),
        removed=answer.removed,
        thought_letters=answer.thought_letters or None,
        reduced=answer.reduced or None,
    )


def repetition(text: str) -> float | None:
    """Return the share of words in a run of four that stood earlier already; None for no words."""
    words = _words(text)
    seen: set[tuple[str, ...]] = set()
    again = [False] * len(words)
    for at, run in enumerate(_runs(words, RUN)):
        if run in seen:
            again[at : at + RUN] = [True] * RUN
        seen.add(run)
    return round(sum(again) / len(words), 3) if words else None


def looping(text: str) -> bool:
    """Return whether the text ends in one unit over and over."""
    end = text.rstrip()
    return any(
        _periodic(end, unit) >= max(LEAST_TURNS * unit, LEAST_LOOP)
        for unit in range(1, min(LONGEST_UNIT, len(end) // LEAST_TURNS) + 1)
    )


def echo(text: str, prompt: str) -> float | None:
    """Return the share of the prompt's runs of words that are in the answer; None for none."""
    asked, said = _words(prompt), _words(text)
    size = min(RUN, len(asked))
    if not size or not said:
        return None
    wanted = set(_runs(asked, size))
    return round(len(wanted & set(_runs(said, size))) / len(wanted), 3)


def control_tokens(text: str) -> tuple[str, ...]:
    """Return control tokens that leaked into the text, in order, each once, at most eight."""
    found = [*CONTROL.findall(text), *marks_in(text)]
    return tuple(sorted(dict.fromkeys(found), key=text.index)[:TOKENS_KEPT])


def refusal(text: str) -> bool:
    """Return whether the text begins by declining to answer."""
    return bool(_REFUSAL.search(text[:REFUSAL_WITHIN]))


def missing_fields(text: str) -> tuple[str, ...]:
    """Return the fields of a verdict that the answer's first JSON object lacks."""
    found = _first_object(text)
    return tuple(field for field in VERDICT_FIELDS if field not in found)


def _a_second(count: int, answer: Completion) -> float | None:
    return round(count / answer.seconds, 2) if count and answer.seconds > 0 else None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _runs(words: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def _periodic(text: str, unit: int) -> int:
    """Return how many characters at the end repeat those `unit` characters before them."""
    length = unit
    while length < len(text) and text[-length - 1] == text[-length - 1 + unit]:
        length += 1
    return length


def _first_object(text: str) -> dict[str, Any]:
    decoder = json.JSONDecoder()
    for found in re.finditer(r"\{", text):
        try:
            read, _ = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            continue
        return read if isinstance(read, dict) else {}
    return {}
