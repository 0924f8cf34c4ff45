"""Work beside drawing of which only the latest counts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode


def run_latest(node: DOMNode, group: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Begin work in place of what was begun before in its group, which is cancelled.

    It takes a function: a coroutine that is cancelled before it starts is reported as a fault.
    """
    node.run_worker(work, group=group, exclusive=True)  # type: ignore[arg-type]
