"""Small pictures of frames side by side: those not kept yet are fetched in one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..widgets.frame_view import Place, fitted
from .pictures import Frame, Kept, frame_of

if TYPE_CHECKING:
    from PIL.Image import Image

Row = dict[str, Any]
FetchFilm = Callable[[Sequence[Row]], Awaitable[Sequence[bytes]]]


class Films:
    """Pictures of frames by content, frame and place."""

    def __init__(self, fetch: FetchFilm) -> None:
        """`fetch` returns the JPEGs of frames of one file, in their order."""
        self._fetch = fetch
        self._jpegs: Kept[bytes] = Kept()
        self._fitted: Kept[Image] = Kept()

    def kept(self, row: Row | None, place: Place) -> Image | None:
        """Return the picture of a frame, if it is here."""
        return None if row is None else self._fitted.get((frame_of(row), place))

    async def fetch(self, rows: Sequence[Row], place: Place) -> None:
        """Fetch and fit what is not here. Raises SightlineError, OSError or ValueError."""
        missing = [row for row in rows if self._jpegs.get(frame_of(row)) is None]
        if missing:
            for row, jpeg in zip(missing, await self._fetch(missing), strict=True):
                await self._jpegs.got(frame_of(row), _made(jpeg))
        for row in rows:
            await self._fitted.got((frame_of(row), place), self._fitting(frame_of(row), place))

    def _fitting(self, frame: Frame, place: Place) -> Callable[[], Awaitable[Image]]:
        jpeg = self._jpegs.get(frame)

        async def fit() -> Image:
            return await asyncio.to_thread(fitted, jpeg or b"", place)

        return fit


def _made(jpeg: bytes) -> Callable[[], Awaitable[bytes]]:
    async def made() -> bytes:
        return jpeg

    return made
