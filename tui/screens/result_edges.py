"""Titles, facts and keys in the edges of the panes beside the list of results."""

from __future__ import annotations

from typing import Any

from ..views import results
from ..widgets.frame import Frame
from .panes import PaneScreen


def draw_edges(screen: PaneScreen, what: str, row: dict[str, Any] | None, *, over: bool) -> None:
    """Name the moment and video of the row under the cursor; `over` once all are judged."""
    moment, facts, path = results.titles(what, row, screen.app.symbols)
    larger = "list" if screen.has_class("-picture") else "larger"
    rejected = "events only" if what == "candidates" else "rejected"
    key = screen.pane_key
    screen.query_one("#look", Frame).show(
        moment, facts, path,
        keys=[*key("results.boxes", "box"), *key("results.picture", larger)],
    )  # fmt: skip
    screen.query_one("#whole", Frame).show(
        "Whole video", path,
        keys=[*key("results.rejected", rejected), *key("judge.next", "next unjudged")],
    )  # fmt: skip
    screen.query_one("#about", Frame).show(
        "All judged" if over else "Selected",
        keys=[*key("results.tags", "own tags"), *key("results.caption", "own caption")],
    )
