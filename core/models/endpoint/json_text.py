"""JSON of a server, which may be anything: deeply nested, not UTF-8, huge numbers."""

from __future__ import annotations

import json
from typing import Any


class TooDeep(ValueError):
    """JSON that is nested too deeply to be read; it will be so each time."""


def read_json(data: bytes) -> Any:
    """Return the JSON value in `data`. Raises ValueError, and nothing else."""
    try:
        return json.loads(data.decode("utf-8", "replace").removeprefix("\N{BYTE ORDER MARK}"))
    except RecursionError:
        raise TooDeep("the answer is nested too deeply") from None


def object_in(data: bytes) -> dict[str, Any] | None:
    """Return the JSON object in `data`, or in a list of one; None if there is none."""
    try:
        found = read_json(data)
    except ValueError:
        return None
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    return found if isinstance(found, dict) else None


def count_in(value: Any) -> int | None:
    """Return a number of tokens, None for anything else."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 <= value < 2**31 else None


def valid_text(text: str) -> str:
    """Return a text with pairs of surrogates joined: some servers send them in two pieces."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
