"""What stands in the edges of the pane with the picture of a result."""

from __future__ import annotations

from typing import Any

from ..views import results
from ..widgets.frame import Frame
from .panes import PaneScreen


def draw_edges(screen: PaneScreen, what: str, row: dict[str, Any] | None) -> None:
    """Name the moment and the video of a row, and what can be done with its picture."""
    moment, facts, path = results.titles(what, row, screen.app.symbols)
    larger = "list" if screen.has_class("-picture") else "larger"
    key = screen.pane_key
    screen.query_one("#look", Frame).show(
        moment, facts, path,
        keys=[*key("results.boxes", "box"), *key("results.picture", larger)],
    )  # fmt: skip
