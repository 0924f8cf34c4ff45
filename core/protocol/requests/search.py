"""Searching a library by words, by example, and by what was said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..request import Request
from ..search_terms import SearchTerm

SearchWhat = Literal["frames", "objects", "events", "candidates"]
SearchSort = Literal["match", "time", "date"]
ROWS_OF_A_PAGE = 20
MOST_FOUND = 2000
"""hits of one search; whoever needs more filters"""


@dataclass(frozen=True, slots=True)
class SearchReply:
    """Rows `first` to `last` - 1 of what was found.

    `total` hits pass the cut-off; with `every`, `rest` more follow them. `best` is the best of
    those that do not pass, where nothing does. `notes` are for the user. `facts` are `model`,
    `searched` (how many vectors), `false_rate` and `least_z` (the lowest calibrated score
    that passes).
    """

    total: int
    rest: int
    first: int
    rows: tuple[dict[str, Any], ...]
    best: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Search(Request[SearchReply], right="read", heavy=True):
    """Find frames, objects, events or candidates that match a query.

    `text` is a filter as that of `ListResults`, and `in:`. `every` also returns what does not pass
    the cut-off; `diverse` moves apart what looks alike; `exact` decodes around each moment of the
    page and embeds every frame, so that it starts and ends where it does.
    """

    terms: tuple[SearchTerm, ...]
    what: SearchWhat = "frames"
    text: str = ""
    sort: SearchSort = "match"
    false_rate: float = 0.05
    every: bool = False
    diverse: bool = False
    exact: bool = False
    first: int = 0
    last: int = ROWS_OF_A_PAGE
