"""Reducing pictures to what a server accepts, when it says so.

Known texts: LM Studio (a number of pixels), Volcengine and OpenAI (pixels, sides), Anthropic
(bytes, sides), vLLM, llama.cpp and Rapid-MLX (tokens: the number asked for and the number there
is), and 413 of a proxy, which names no number.
"""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .faults import Denied

ROUNDS = 4
"""how often one question is reduced"""
LEAST_SIDE = 32
_SPARE = 0.9
"""share of a limit in tokens or bytes that is used: neither is proportional to the pixels"""
_TOO_LARGE = re.compile(
    r"exceed|too (?:large|big|long|many)|larger than|longer than|at most|maximum|max allowed"
)
_SIDES = re.compile(r"(\d{2,5}) ?(?:x|\u00d7|\*) ?(\d{2,5})")
_LIMIT = re.compile(r"(?:max|limit|allow|at most|exceeds?|no more than|up to)\D{0,60}?([\d,]{3,})")
_BYTES = re.compile(r"(\d{4,}) bytes > (\d{4,}) bytes")
_TOKENS = re.compile(
    r"\(?(?:length |request \()?(\d{2,9})\D.{0,200}?(?:exceeds?|longer than|maximum)\D{0,80}"
    r"(\d{2,9})"
)
_NUMBER = re.compile(r"\d[\d,]*\d|\d")


@dataclass(frozen=True, slots=True)
class Shrink:
    """How to reduce: to a longest side, to a number of pixels, or by a factor of the sides."""

    side: int | None = None
    pixels: int | None = None
    factor: float = 1.0


def shrink_for(denied: Denied) -> Shrink | None:
    """Return how to reduce the pictures of a refused question; None if their size is no reason."""
    words = denied.said.lower()
    if denied.status == 413:
        return _by_bytes(words) or Shrink(factor=0.5)
    if denied.status not in (200, 400, 422, 500) or not _TOO_LARGE.search(words):
        return None
    if re.search(r"max_(?:completion_)?tokens\W* is too", words):
        return None  # about the answer
    if "token" in words or "context" in words or "model length" in words:
        return _by_tokens(words)
    if not re.search(r"image|picture|pixel|dimension|payload|body", words):
        return None
    return _by_bytes(words) or _by_pixels(words)


def _by_tokens(words: str) -> Shrink | None:
    numbers = [int(each.replace(",", "")) for each in _NUMBER.findall(words)]
    asked = max(numbers, default=0)
    found = _TOKENS.search(words)
    limit = int(found[2]) if found else next((n for n in numbers if 16 <= n < asked), 0)
    if found:
        asked = int(found[1])
    if not 0 < limit < asked:
        return None
    return Shrink(factor=math.sqrt(_SPARE * limit / asked))


def _by_bytes(words: str) -> Shrink | None:
    found = _BYTES.search(words)
    if found is None or int(found[2]) >= int(found[1]):
        return None
    return Shrink(factor=math.sqrt(_SPARE * int(found[2]) / int(found[1])))


def _by_pixels(words: str) -> Shrink:
    limit = _LIMIT.findall(words)
    if limit:
        most = int(limit[-1].replace(",", ""))
        if "pixel" in words and (most >= 20_000 or "total" in words):
            return Shrink(pixels=most)
        if LEAST_SIDE <= most < 20_000:
            return Shrink(side=most)
    sides = _SIDES.findall(words)
    if sides:
        return min((Shrink(side=min(int(a), int(b))) for a, b in sides), key=lambda s: s.side or 0)
    return Shrink(factor=0.5)


class ImageLimits:
    """What a server accepts, as far as it said so; pictures after the first are reduced at once."""

    def __init__(self) -> None:
        self.notify: Callable[[str], None] = lambda _text: None
        self._most_pixels: int | None = None

    def fitted(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """Return a request whose pictures the server accepts, and their largest size if reduced."""
        if self._most_pixels is None:
            return dict(body), ""
        return reduced(body, Shrink(pixels=self._most_pixels))

    def learn(self, size: str) -> None:
        """Remember a size that was accepted after a larger one was refused."""
        width, _, height = size.partition("x")
        pixels = int(width) * int(height)
        if self._most_pixels is None or pixels < self._most_pixels:
            if self._most_pixels is None:
                self.notify(f"the server accepts no larger pictures: reduced to {size}, in pixels")
            self._most_pixels = pixels


def reduced(body: Mapping[str, Any], shrink: Shrink) -> tuple[dict[str, Any], str]:
    """Return a request with smaller pictures, and the size of the largest; "" if none changed."""
    changed: list[tuple[int, int]] = []

    def part(each: Any) -> Any:
        if not (isinstance(each, dict) and each.get("type") == "image_url"):
            return each
        url, size = _smaller(each["image_url"]["url"], shrink)
        changed.extend([size] if size else [])
        return {**each, "image_url": {**each["image_url"], "url": url}} if size else each

    messages = [
        {**m, "content": [part(p) for p in m["content"]]} if isinstance(m["content"], list) else m
        for m in body["messages"]
    ]
    largest = max(changed, key=lambda size: size[0] * size[1], default=None)
    return {**body, "messages": messages}, f"{largest[0]}x{largest[1]}" if largest else ""


def _smaller(url: str, shrink: Shrink) -> tuple[str, tuple[int, int] | None]:
    from PIL import Image

    from .payload import data_url

    with Image.open(
        io.BytesIO(base64.b64decode(url.partition(",")[2])), formats=("JPEG",)
    ) as image:
        size = _size(image.width, image.height, shrink)
        if size == image.size or min(size) < 1:
            return url, None
        return data_url(image.resize(size, Image.Resampling.LANCZOS)), size


def _size(width: int, height: int, shrink: Shrink) -> tuple[int, int]:
    factor = shrink.factor
    if shrink.side:
        factor = min(factor, shrink.side / max(width, height))
    if shrink.pixels:
        factor = min(factor, math.sqrt(shrink.pixels / (width * height)))
    if factor >= 1 or max(width, height) <= LEAST_SIDE:
        return width, height
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if shrink.pixels and size[0] * size[1] > shrink.pixels:
        return max(1, int(width * factor)), max(1, int(height * factor))
    return size
