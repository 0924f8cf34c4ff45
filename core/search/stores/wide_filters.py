"""Filters that most points pass: searched without the filter, which is then applied to the hits.

Checking a range for every point costs a third of an exact query again. If enough of the best points
pass, they are the answer; otherwise the store is asked with the filter.
"""

from __future__ import annotations

from collections.abc import Sequence

from .columns import Columns
from .encoding import Found, Search
from .protocol import Filter, Near

LEAST_SHARE = 0.25
"""of the points that must be expected to pass"""
MOST_WANTED = 500
"""hits above which fetching more than that costs more than the filter"""


def unfiltered(search: Search, which: Filter, share: float) -> Search | None:
    """Return what to search without a filter that a share of points passes; None: use it.

    Distances are left to the store, so that a point at the border is always treated alike.
    """
    wanted = search.offset + search.limit
    by_distance = any(isinstance(each, Near) for each in (*which.must, *which.must_not))
    if share < LEAST_SHARE or wanted > MOST_WANTED or which.ids is not None or by_distance:
        return None
    return Search(search.vector, round(1.5 * wanted / share) + 16, 0, search.least)


def passing(
    found: Sequence[Found], which: Filter, search: Search, asked: Search
) -> list[Found] | None:
    """Return what `search` finds with the filter, from what `asked` found without.

    None if too few pass to know.
    """
    mask = Columns([payload for _, _, payload in found]).mask(which)
    kept = [each for each, passes in zip(found, mask, strict=True) if passes]
    if len(kept) < search.offset + search.limit and len(found) == asked.limit:
        return None
    return kept[search.offset : search.offset + search.limit]
