"""The first request to a server: one token about a small grey picture.

What would fail every question fails here, before a frame is read: another key, a model that accepts
no images, a chat template that cannot be used, an address without /v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..protocols import VlmRequest
from .payload import body_of

SIDE = 64
"""more than the smallest side that known image processors accept (28, Qwen2-VL)"""


def probe_request(pictures: int = 1, prompt: str = "ok", tokens: int = 1) -> VlmRequest:
    """Return a question about small grey pictures."""
    grey = np.full((SIDE, SIDE, 3), 127, np.uint8)
    return VlmRequest((grey,) * pictures, prompt, max_tokens=tokens)


def probe_body(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request for it, with the same fields as every later one."""
    return body_of(name, probe_request(), 0, options)
