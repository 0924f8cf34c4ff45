"""The part of a text that a model does not see, because its context is shorter."""

from __future__ import annotations

from typing import Any


def unseen_text(tokenizer: Any, text: str, length: int) -> str:
    """Return the end of `text` that is beyond `length` tokens, marks of the model among them.

    `tokenizer` is one of open_clip or of transformers. The text is as the tokenizer writes it
    (often in lower case); empty where the model sees all.
    """
    inner = getattr(tokenizer, "tokenizer", tokenizer)  # open_clip wraps those of transformers
    if hasattr(inner, "num_special_tokens_to_add"):
        found = inner(text, add_special_tokens=False, truncation=False, verbose=False)
        tokens, marks = list(found["input_ids"]), int(inner.num_special_tokens_to_add())
    else:
        tokens, marks = list(tokenizer.encode(text)), 2  # start and end
    cut = tokens[max(length - marks, 0) :]
    return str(inner.decode(cut)).strip() if cut else ""
