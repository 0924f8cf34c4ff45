"""Several ranked lists as one: weighted reciprocal-rank fusion.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
Learning Methods", SIGIR 2009: an item's score is the sum over the lists of weight / (60 + rank).
Ranks are compared and not scores, whose scales differ from list to list.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = 60
"""of the paper; larger makes the first ranks count less"""
WEIGHTS: Mapping[str, float] = {"image": 1.0, "object": 0.5, "text": 1.0, "tag": 0.5}
"""of the lists: an object is only a part of the frame, a tag one word of a list"""
KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Rank:
    """Where an item is in one list: its rank from 1, and the value the list is sorted by."""

    rank: int
    value: float


@dataclass(slots=True)
class Fused(Generic[KeyT]):
    """An item with its rank in each list that holds it."""

    key: KeyT
    ranks: dict[str, Rank] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Return the sum of weight / (K + rank)."""
        return sum(WEIGHTS[name] / (K + each.rank) for name, each in self.ranks.items())


def fused(lists: Mapping[str, Sequence[tuple[KeyT, float]]]) -> list[Fused[KeyT]]:
    """Return the items of all lists, the highest score first; of equals, the one met first.

    Each list holds (key, value), best first; an item's first place in a list counts. Equal values
    of the lists of words share a rank.
    """
    found: dict[KeyT, Fused[KeyT]] = {}
    for name, items in lists.items():
        for key, rank in _ranked(items):
            ranks = found.setdefault(key, Fused(key)).ranks
            ranks.setdefault(name, rank)
    return sorted(found.values(), key=lambda each: -each.score)


def _ranked(items: Iterable[tuple[KeyT, float]]) -> Iterable[tuple[KeyT, Rank]]:
    rank, last = 0, None
    for place, (key, value) in enumerate(items, 1):
        if value != last:
            rank, last = place, value
        yield key, Rank(rank, value)
