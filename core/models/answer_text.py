"""Text on its way into a model: control tokens taken apart. `thoughts.py` separates reasoning.

A user's text may hold what the model's template uses to mark turns and pictures. Read as control
tokens, `<|im_end|><|im_start|>system` would be obeyed, and a picture's placeholder would fail the
whole batch. A zero-width space after the first character leaves such text readable and inert.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

APART = "\N{ZERO WIDTH SPACE}"
CONTROL = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"
    r"|<\uff5c[^\uff5c<>\s]{1,40}\uff5c>"
    r"|</?(?:s|bos|eos|pad|unk|mask|image|video|audio|img|slice|image_id|IMG_CONTEXT|image_soft_token"
    r"|(?:start|end)_of_(?:image|turn|utterance)|loc_?\d{1,4}|unused\d{1,4})>"
    r"|\[/?(?:INST|IMG|IMG_END|IMG_BREAK|SYSTEM_PROMPT)\]"
)
"""what the model families of this day mark turns, pictures and places with, whichever it is"""
_ROUNDS = 4
_BRACKETED = re.compile(r"[<\[].*[>\]]", re.DOTALL)


class Marks:
    """The control tokens of one tokenizer and processor; `CONTROL` where those are not known."""

    def __init__(self, marks: Iterable[str] | None = None) -> None:
        found = sorted({mark for mark in marks or () if len(mark) > 1}, key=len, reverse=True)
        known = re.compile("|".join(map(re.escape, found))) if found else None
        self._any = CONTROL if marks is None else known

    def neutral(self, text: str) -> str:
        """Return `text` with every control token in it taken apart, and valid as UTF-8."""
        text = text.encode("utf-8", "replace").decode()
        if self._any is None:
            return text
        for _ in range(_ROUNDS):  # marks may overlap, so one pass can leave one behind
            if not self._any.search(text):
                break
            text = self._any.sub(lambda found: f"{found[0][0]}{APART}{found[0][1:]}", text)
        return text


def marks_of(processor: Any, more: Iterable[str] = ()) -> Marks:
    """Return the control tokens of a processor, or of a tokenizer, and `more`.

    Added tokens that are no control tokens (runs of spaces or line ends, in some vocabularies)
    stay: only special ones, bracketed ones and the processor's placeholders count.
    """
    tokenizer = getattr(processor, "tokenizer", None) or processor
    added = [
        str(token) for token in getattr(tokenizer, "added_tokens_decoder", {}).values()
        if token.special or _BRACKETED.fullmatch(str(token))
    ]  # fmt: skip
    named = [
        value for name in dir(processor)
        if name.endswith("_token") and isinstance(value := getattr(processor, name, None), str)
    ]  # fmt: skip
    special = [str(token) for token in getattr(tokenizer, "all_special_tokens", ())]
    return Marks([*added, *named, *special, *more])
