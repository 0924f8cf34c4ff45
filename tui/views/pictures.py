"""Pictures of rows: fetched once, fitted to their place in a thread, and kept for the next time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from ..widgets.frame_view import Place, fitted

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_KEPT = 64
T = TypeVar("T")
Row: TypeAlias = dict[str, Any]
Frame = tuple[str, int]
"""content and number of a frame"""


class Kept(Generic[T]):
    """The things that were used last, at most `MOST_KEPT` of them, each made once at a time."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, T] = OrderedDict()
        self._coming: dict[Hashable, asyncio.Future[T]] = {}

    def get(self, key: Hashable) -> T | None:
        """Return what is kept under a key."""
        found = self._found.get(key)
        if found is not None:
            self._found.move_to_end(key)
        return found

    async def got(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return what is kept under a key, or make it. Raises what `make` raises."""
        found = self.get(key)
        if found is not None:
            return found
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = asyncio.ensure_future(self._made(key, make))
            coming.add_done_callback(noticed)
        # Who no longer waits leaves it to the others, and to those who come back.
        return await asyncio.shield(coming)

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        try:
            made = await make()
        finally:
            del self._coming[key]
        self._found[key] = made
        while len(self._found) > MOST_KEPT:
            self._found.popitem(last=False)
        return made


class Pictures:
    """Pictures by content, frame and place."""

    def __init__(self, fetch: Callable[[Row], Awaitable[bytes]]) -> None:
        """`fetch` returns the JPEG of a row's frame."""
        self._fetch = fetch
        self._jpegs: Kept[bytes] = Kept()
        self._fitted: Kept[Image] = Kept()

    async def picture(self, row: Row, place: Place) -> Image:
        """Return the picture of a row. Raises SightlineError, OSError or ValueError."""
        return await self._fitted.got((frame_of(row), place), lambda: self._fit(row, place))

    async def _fit(self, row: Row, place: Place) -> Image:
        jpeg = await self._jpegs.got(frame_of(row), lambda: self._fetch(row))
        return await asyncio.to_thread(fitted, jpeg, place)


def frame_of(row: Row) -> Frame:
    """Return which frame a row shows: the same file under two names, or in two scans, is one."""
    return row["content"], row["frame"]


def noticed(done: asyncio.Future[Any]) -> None:
    """Take notice of an error nobody waits for any more."""
    if not done.cancelled():
        done.exception()
