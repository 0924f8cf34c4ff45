"""Which scans of the queue a person folded or unfolded, and which were seen while they ran."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

MOST = 500
"""scans that are remembered, the latest"""


class Folds:
    """Scans that are folded or unfolded otherwise than those of their state are to begin with."""

    def __init__(self, unfolded: Sequence[Any], folded: Sequence[Any]) -> None:
        self.unfolded = [each for each in unfolded if isinstance(each, int)]
        self.folded = [each for each in folded if isinstance(each, int)]
        self._seen: list[int] = []

    @property
    def shown_with_sources(self) -> tuple[int, ...]:
        """Scans that are unfolded: by a person, or since they were seen while they ran."""
        return tuple(dict.fromkeys([*self.unfolded, *self._seen]))

    def see(self, active: Iterable[int]) -> None:
        """Note which scans run or wait: they stay unfolded when they end, while one looks."""
        for scan in active:
            if scan not in self._seen and scan not in self.folded:
                self._seen = [*self._seen, scan][-MOST:]

    def turn(self, scan: int, *, folded: bool) -> None:
        """Unfold a scan that is folded, or fold it."""
        self.unfolded = [each for each in self.unfolded if each != scan]
        self.folded = [each for each in self.folded if each != scan]
        self._seen = [each for each in self._seen if each != scan]
        if folded:
            self.unfolded = [*self.unfolded, scan][-MOST:]
        else:
            self.folded = [*self.folded, scan][-MOST:]
