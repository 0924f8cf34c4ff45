"""A list of results with a header over the rows of each file; a folded file is its header alone.

Rows are counted twice: their `place` among the results, as the engine counts them, and their
`index` in the table, which has headers as well.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import Any

from core.errors import SightlineError
from core.protocol.queries import ListResults
from core.protocol.requests.review import FileRows, Files

from ..widgets.rows import Row
from ..widgets.symbols import Symbols
from . import wording
from .paged import PagedRows

AskFiles = Callable[[ListResults], Awaitable[Files]]


class GroupedRows:
    """Rows of a query by file, where it is in the order of files and there is more than one.

    `folded` are the keys of folded headers, which outlive the list.
    """

    def __init__(
        self, rows: PagedRows, ask: AskFiles, symbols: Symbols, folded: set[str]
    ) -> None:  # fmt: skip
        assert isinstance(rows.query, ListResults)
        self.query: ListResults = rows.query
        self.on_change: Callable[[], None] = _nothing
        self._rows = rows
        self._ask = ask
        self._symbols = symbols
        self._folded = folded
        self._scan = 0
        self._files: list[FileRows] = []
        self._judged: list[int] = []
        self._firsts: list[int] = []
        self._tops: list[int] = []
        self._counted: int | None = None if self._is_groupable else 0
        """the rows of all files; None while they are not known"""
        self._checked: int | None = None
        self._coming: asyncio.Task[None] | None = None
        self._ask_again = False
        rows.on_change = self._came

    @property
    def _is_groupable(self) -> bool:
        return self.query.sort == "source" and self.query.what != "frames"

    @property
    def trouble(self) -> str:
        """What went wrong when rows were last asked for."""
        return self._rows.trouble

    @property
    def loaded(self) -> bool:
        """Whether it is known what is listed."""
        return self._rows.loaded and self._counted is not None

    @property
    def total(self) -> int:
        """How many results there are, headers not counted."""
        return self._rows.count()

    @property
    def names_files(self) -> bool:
        """Whether each row has to name its file: no header does, and there may be several."""
        return self.loaded and self.total > 0 and not self._tops and len(self._files) != 1

    # What a table asks (see `widgets.rows.RowSource`)

    def count(self) -> int:
        """Return how many rows and headers there are; the first look asks for them."""
        total = self._rows.count()
        if self._is_groupable and self._counted is None:
            self._ask_files()
            return 0
        if not self._tops:
            return total
        return self._tops[-1] + 1 + self._shown(len(self._tops) - 1)

    def window(self, lo: int, hi: int) -> Sequence[Row | None]:
        """Return rows and headers `lo` to `hi`; None for those that are on their way."""
        if not self._tops:
            return self._rows.window(lo, hi)
        found: list[Row | None] = []
        index = lo
        while index < min(hi, self.count()):
            group = self._group_at(index)
            if index == self._tops[group]:
                found.append(self._header(group))
                index += 1
                continue
            end = min(hi, self._tops[group] + 1 + self._shown(group))
            first = self._firsts[group] + index - self._tops[group] - 1
            rows = list(self._rows.window(first, first + end - index))
            found += (rows + [None] * (end - index))[: end - index]
            index = end
        return found

    def index_of(self, key: str) -> int | None:
        """Return where a header, or a row that was seen lately, is in the table."""
        group = self._group_of(key)
        if group is not None:
            return self._tops[group]
        place = self._rows.index_of(key)
        return None if place is None else self.index(place)

    # Results

    def index(self, place: int) -> int | None:
        """Return where a result is in the table; None if its file is folded."""
        if not self._tops:
            return place
        group = max(bisect_right(self._firsts, place) - 1, 0)
        offset = place - self._firsts[group]
        return self._tops[group] + 1 + offset if offset < self._shown(group) else None

    def place(self, index: int) -> int | None:
        """Return which result is at an index of the table; None for a header."""
        if not self._tops:
            return index
        group = self._group_at(index)
        offset = index - self._tops[group]
        return self._firsts[group] + offset - 1 if offset > 0 else None

    def beside(self, index: int, by: int) -> int:
        """Return the place of the result at an index of the table.

        Of a header it is the one from which the next, or with `by` -1 the former, is the next row.
        """
        place = self.place(index)
        first = self._firsts[self._group_at(index)] if self._tops else 0
        return (first - 1 if by > 0 else first) if place is None else place

    def place_of(self, key: str) -> int | None:
        """Return the place of a result that was seen lately."""
        return self._rows.index_of(key)

    def record(self, index: int) -> dict[str, Any] | None:
        """Return the result at an index of the table as the engine gave it."""
        place = self.place(index) if index >= 0 else None
        return None if place is None else self._rows.record(place)

    def result(self, place: int) -> dict[str, Any] | None:
        """Return a result as the engine gave it."""
        return self._rows.record(place)

    def by_key(self, key: str | None) -> dict[str, Any] | None:
        """Return the result of a key as the engine gave it."""
        return self._rows.by_key(key)

    def file_of(self, key: str | None) -> FileRows | None:
        """Return the file of a header's key."""
        group = None if key is None else self._group_of(key)
        return None if group is None else self._files[group]

    async def need(self, place: int) -> dict[str, Any] | None:
        """Return a result, fetched if it is not loaded."""
        return await self._rows.need(place)

    async def find(self, key: str, guess: int) -> int | None:
        """Return the place of a result, searched for around another place, once files are known."""
        if self._counted is None:
            self._ask_files()
            assert self._coming is not None
            await asyncio.wait({self._coming})
        return await self._rows.find(key, guess)

    def reveal(self, place: int) -> int:
        """Unfold the file of a result; return the result's index."""
        if self._tops and self.index(place) is None:
            group = max(bisect_right(self._firsts, place) - 1, 0)
            self.fold(self._key(group))
        found = self.index(place)
        return 0 if found is None else found

    def fold(self, key: str) -> bool:
        """Fold the file of a header, or unfold it; False where the key is no header's."""
        if self._group_of(key) is None:
            return False
        self._folded ^= {key}
        self._lay_out()
        return True

    def patch(self, key: str, values: dict[str, Any]) -> None:
        """Change a result as the engine changed it, and the count of judged ones."""
        row = self._rows.by_key(key)
        if row is not None and "judgement" in values:
            by = bool(values["judgement"]) - bool(row.get("judgement"))
            for group, each in enumerate(self._files):
                self._judged[group] += by if each.task == row["task"] else 0
        self._rows.patch(key, values)
        self._ask_again = self._coming is not None

    def reload(self) -> None:
        """Fetch again what is in view, and how many rows each file has."""
        self._rows.reload()
        if self._is_groupable:
            self._ask_files()

    def close(self) -> None:
        """Ask for nothing more."""
        if self._coming is not None:
            self._coming.cancel()
        self._rows.close()
        self.on_change = _nothing

    # Files

    def _ask_files(self) -> None:
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._load_files())
        elif self._counted is not None:
            self._ask_again = True

    async def _load_files(self) -> None:
        try:
            self._ask_again = True
            while self._ask_again:
                self._ask_again = False
                self._take(await self._ask(self.query))
        except SightlineError:  # the list itself says what is wrong
            self._take(Files(0, ()))
        finally:
            self._coming = None
        self.on_change()

    def _take(self, found: Files) -> None:
        self._scan, self._files = found.scan, list(found.files)
        self._judged = [each.judged for each in self._files]
        counts = [each.rows for each in self._files]
        self._counted = sum(counts)
        self._firsts = [0, *accumulate(counts)][: len(counts)]
        self._lay_out()

    def _lay_out(self) -> None:
        """Find out where each header is; a file alone needs none."""
        groups = range(len(self._files)) if len(self._files) > 1 else range(0)
        lines = [1 + self._shown(group) for group in groups]
        self._tops = [0, *accumulate(lines)][: len(lines)]

    def _came(self) -> None:
        total = self._rows.count() if self._rows.loaded else None
        if self._counted and total not in (None, self._counted, self._checked):
            self._checked = total  # rows came or went since they were counted
            self._ask_files()
        self.on_change()

    def _group_at(self, index: int) -> int:
        return max(bisect_right(self._tops, index) - 1, 0)

    def _group_of(self, key: str) -> int | None:
        if not self._tops or key.count(".") != 1:
            return None
        task = key.partition(".")[2]
        return next((n for n, each in enumerate(self._files) if str(each.task) == task), None)

    def _key(self, group: int) -> str:
        return f"{self._scan}.{self._files[group].task}"

    def _shown(self, group: int) -> int:
        return 0 if self._key(group) in self._folded else self._files[group].rows

    def _header(self, group: int) -> Row:
        each, key = self._files[group], self._key(group)
        sign = f"{self._symbols.folded} " if key in self._folded else ""
        cells = (sign + wording.short_path(each.path), f"{self._judged[group]}/{each.rows}")
        return Row(key, cells, "title", header=True)


def _nothing() -> None:
    """Stand in for a listener."""
