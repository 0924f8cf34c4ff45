"""A list of any length, of which only the pages in view are asked from the engine."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from core.errors import SightlineError

from ..widgets.rows import Row

if TYPE_CHECKING:
    from core.protocol.queries import Query
    from core.protocol.replies import Page

PAGE_ROWS = 100
MAX_PAGES = 40
Fetch: TypeAlias = "Callable[[Query, int, int], Awaitable[Page]]"
LazyFrame = Callable[[dict[str, Any]], Row]


class PagedRows:
    """Rows of a query. `on_change` is called whenever pages came; `trouble` says what went wrong.

    While a newer page is on its way, the page fetched before is still shown: nothing flickers.
    """

    def __init__(self, query: Query, fetch: Fetch, shown: LazyFrame) -> None:
        self.query = query
        self.on_change: Callable[[], None] = _nothing
        self.trouble = ""
        self.loaded = False
        """whether any answer came yet"""
        self._fetch = fetch
        self._shown = shown
        self._total = 0
        self._pages: OrderedDict[int, tuple[dict[str, Any], ...]] = OrderedDict()
        self._old: set[int] = set()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._wanted = (0, PAGE_ROWS)
        self._begun = 0
        self._reloads = 0
        self._patches: dict[str, tuple[int, dict[str, Any]]] = {}
        self._places: dict[str, int] = {}
        self._keys: dict[int, list[str]] = {}

    def count(self) -> int:
        """Return how many rows there were when a page last came; the first look asks for one."""
        if not self.loaded:
            self._ask(*self._wanted)
        return self._total

    def window(self, lo: int, hi: int) -> Sequence[Row | None]:
        """Return rows `lo` to `hi`; None for those that are on their way."""
        self._wanted = (lo, hi)
        rows = [self.record(place) for place in range(lo, min(hi, self._total))]
        self._ask(lo, hi)
        return [None if row is None else self._shown(row) for row in rows]

    def index_of(self, key: str) -> int | None:
        """Return where a row that was seen lately is."""
        return self._places.get(key)

    def record(self, place: int) -> dict[str, Any] | None:
        """Return the row at a place as the engine gave it."""
        page = self._pages.get(place // PAGE_ROWS)
        if page is None or place % PAGE_ROWS >= len(page):
            return None
        return page[place % PAGE_ROWS]

    def by_key(self, key: str | None) -> dict[str, Any] | None:
        """Return the row of a key as the engine gave it."""
        place = None if key is None else self._places.get(key)
        return None if place is None else self.record(place)

    async def need(self, place: int) -> dict[str, Any] | None:
        """Return the row at a place, fetched if it is not loaded."""
        number = place // PAGE_ROWS
        if self.record(place) is None:
            if number not in self._tasks:
                self._tasks[number] = asyncio.ensure_future(self._load(number))
            await asyncio.wait({self._tasks[number]})
        return self.record(place)

    async def find(self, key: str, guess: int) -> int | None:
        """Return where a row is, searched for in the pages around a place."""
        first = max(guess, 0) // PAGE_ROWS
        near = [first + step * by for step in range(MAX_PAGES // 2) for by in (-1, 1)]
        for number in (each for each in near if each >= 0):
            if number == first or number * PAGE_ROWS < self._total:
                await self.need(number * PAGE_ROWS)
            if key in self._places:
                return self._places[key]
        return None

    def patch(self, key: str, values: dict[str, Any]) -> None:
        """Change a row as the engine changed it, also in a page that was asked for before."""
        row = self.by_key(key)
        if row is not None:
            row |= values
        self._patches[key] = (self._begun, values)

    def near(self, row: dict[str, Any] | None) -> list[dict[str, Any]]:
        """Return all loaded rows, if a row is given."""
        if row is None:
            return []
        return [each for rows in self._pages.values() for each in rows]

    def reload(self) -> None:
        """Fetch again what is in view; other pages when they come into view."""
        self._old = set(self._pages)
        self._reloads += 1
        self._ask(*self._wanted)

    def close(self) -> None:
        """Ask for nothing more."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self.on_change = _nothing

    def _ask(self, lo: int, hi: int) -> None:
        for number in range(lo // PAGE_ROWS, max(hi - 1, lo) // PAGE_ROWS + 1):
            known = number in self._pages and number not in self._old
            beyond = self.loaded and number * PAGE_ROWS >= max(self._total, 1)
            if not known and not beyond and number not in self._tasks:
                self._tasks[number] = asyncio.ensure_future(self._load(number))

    async def _load(self, number: int) -> None:
        first = number * PAGE_ROWS
        self._begun += 1
        begun, reloads = self._begun, self._reloads
        try:
            page = await self._fetch(self.query, first, first + PAGE_ROWS)
        except SightlineError as error:
            self.trouble, self.loaded = str(error), True
        else:
            self._take(number, page, begun)
            if reloads != self._reloads:  # rows changed after it was asked for
                self._old.add(number)
        finally:
            self._tasks.pop(number, None)
        if number in self._old and not self.trouble:
            self._ask(*self._wanted)
        self.on_change()

    def _take(self, number: int, page: Page, begun: int) -> None:
        self.trouble, self.loaded = "", True
        self._total = page.total
        self._old.discard(number)
        self._pages[number] = page.rows
        self._pages.move_to_end(number)
        self._forget(number)
        while len(self._pages) > MAX_PAGES:
            self._forget(self._pages.popitem(last=False)[0])
        self._keys[number] = [self._shown(row).key for row in page.rows]
        self._patch_again(page, self._keys[number], begun)
        for place, key in enumerate(self._keys[number]):
            self._places[key] = number * PAGE_ROWS + place

    def _patch_again(self, page: Page, keys: Sequence[str], begun: int) -> None:
        """Change rows that were asked for before they changed; later ones hold the change."""
        for key, row in zip(keys, page.rows, strict=True):
            stamp, values = self._patches.get(key, (0, {}))
            if stamp >= begun:
                row.update(values)
            else:
                self._patches.pop(key, None)

    def _forget(self, number: int) -> None:
        """Forget where the rows of a page were; one that moved to another page stays known."""
        for key in self._keys.pop(number, ()):
            if self._places.get(key, -1) // PAGE_ROWS == number:
                del self._places[key]


def _nothing() -> None:
    """Stand in for a listener."""
