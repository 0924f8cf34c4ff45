"""Questions that fail one after another for the same reason: is it the pictures, or the server?

The texts of servers differ too much to recognise all that fails every question. So after a few such
failures one more question is sent, the same with small grey pictures: if that fails alike, no
picture is the cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from ..protocols import Completion
from .payload import data_url
from .probe import SIDE

IN_A_ROW = 4
"""failures of one kind, with no answer between them, that are followed by a control question"""
_LETTERS = 120


class Repeated:
    """Counts the failures of one kind since the last answer."""

    def __init__(self) -> None:
        self._kind = ""
        self._count = 0

    def add(self, answers: Iterable[Completion]) -> int | None:
        """Take in a batch; return which of its questions to ask with grey pictures, if any."""
        last = None
        for index, answer in enumerate(answers):
            if answer.finish == "failed":
                kind = kind_of(answer)
                self._count = self._count + 1 if kind == self._kind else 1
                self._kind, last = kind, index
            elif answer.finish != "cancelled":
                self._count, self._kind = 0, ""
        if last is None or self._count < IN_A_ROW:
            return None
        self._count = 0
        return last


def kind_of(answer: Completion) -> str:
    """Return what failures of one kind have in common: their text without its numbers."""
    return re.sub(r"\d+", "0", answer.error)[:_LETTERS]


def in_grey(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request that differs in its pictures only."""
    url = data_url(Image.fromarray(np.full((SIDE, SIDE, 3), 127, np.uint8)))

    def part(each: Any) -> Any:
        is_picture = isinstance(each, dict) and each.get("type") == "image_url"
        return {"type": "image_url", "image_url": {"url": url}} if is_picture else each

    messages = [
        {**m, "content": [part(p) for p in m["content"]]} if isinstance(m["content"], list) else m
        for m in body["messages"]
    ]
    return {**body, "messages": messages}
