"""What a screen with a picture of the row under the cursor does: wait, fetch, show, look ahead."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

from textual import on
from textual.timer import Timer

from core.errors import SightlineError
from core.protocol.requests.pictures import GetStill
from core.times import WrittenTime

from ..views import results, wording
from ..views.pictures import Pictures, frame_of, noticed
from ..widgets.frame_view import Box, FrameView, Place
from ..widgets.virtual_table import VirtualTable
from .latest import run_latest
from .screen import AppScreen

PICTURE_SECONDS = 0.2
"""a picture is shown once the cursor has rested so long"""
BLANK_SECONDS = 0.1
"""later than that, the picture of the former row is taken away; sooner, it would only flicker"""
PICTURE_PIXELS = 640
SLOW_LINK = "the link is slow: {key} shows the picture"
PICTURES_OFF = "no pictures in low-bandwidth mode; in the palette: Low-bandwidth mode, on or off"
Row = dict[str, Any]


class PictureScreen(AppScreen):
    """A screen with a `FrameView` that shows the row under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._pictures = Pictures(lambda row: self.still(row, PICTURE_PIXELS))
        self._shown_for: tuple[object, ...] | None = None
        self._resting: Timer | None = None
        self._asked_for: tuple[str, int] | None = None
        """the frame whose picture is shown although the link is slow"""

    # What a screen says of itself

    def pictured_row(self) -> Row | None:
        """Return the row whose picture is shown."""
        raise NotImplementedError

    def neighbours(self) -> list[Row]:
        """Return the rows whose pictures are likely to be wanted next."""
        raise NotImplementedError

    def boxes_of(self, row: Row) -> list[Box]:
        """Return what is framed on the picture."""
        raise NotImplementedError

    # Waiting

    @on(VirtualTable.CursorMoved)
    @on(FrameView.Resized)
    def rest(self) -> None:
        """Wait until the cursor, and the place of the picture, stay as they are."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(PICTURE_SECONDS, self.look)

    def draw_picture(self) -> None:
        """Take the picture away where there must be none."""
        if not self.app.pictures_allowed:
            self._shown_for = None
            self.query_one(FrameView).say(PICTURES_OFF)
        elif (row := self.pictured_row()) is not None and not self._may_send(row):
            self._shown_for = None
            key = " ".join(self.app.keymap[f"{self.scope}.picture"][:1])
            self.query_one(FrameView).say(SLOW_LINK.format(key=key))
        elif self._shown_for is not None and self.pictured_row() is None:
            self._shown_for = None
            self.query_one(FrameView).say("")

    # Showing

    def look(self) -> None:
        """Show the picture of the row under the cursor; one that is on its way is given up."""
        if not self.is_drawable or self._wanted() in (None, self._shown_for):
            return
        run_latest(self, "picture", self._look)

    def _wanted(self) -> tuple[object, ...] | None:
        """Return what is to be shown, None for nothing."""
        row, place = self.pictured_row(), self._place()
        visible = self.query_one("#look").display and self.app.pictures_allowed
        if not visible or row is None or place.is_too_small or not self._may_send(row):
            return None
        return results.key_of(row), frame_of(row), tuple(self.boxes_of(row)), place

    def ask_for_picture(self) -> None:
        """Show the picture of the row under the cursor also over a slow link."""
        row = self.pictured_row()
        self._asked_for = None if row is None else frame_of(row)

    def _may_send(self, row: Row) -> bool:
        return self.app.picture_share != "none" or self._asked_for == frame_of(row)

    def _place(self) -> Place:
        """Return what the picture is fitted to: over a link that is not quick, half of its pane."""
        place = self.query_one(FrameView).place
        if self.app.picture_share == "all" or place.width < 8 or place.height < 4:
            return place
        return replace(place, width=place.width // 2, height=place.height // 2)

    async def _look(self) -> None:
        row, wanted = self.pictured_row(), self._wanted()
        if row is None or wanted is None:
            return
        try:
            await self._pictured(row, wanted)
        except SightlineError as error:
            self._cannot(wanted, str(error))
        except (OSError, ValueError) as error:
            self._cannot(wanted, f"the picture cannot be shown: {error}")
        await self._look_ahead()

    async def _pictured(self, row: Row, wanted: tuple[object, ...]) -> None:
        view = self.query_one(FrameView)
        coming = asyncio.ensure_future(self._pictures.picture(row, self._place()))
        coming.add_done_callback(noticed)
        await asyncio.wait((coming,), timeout=BLANK_SECONDS)
        if not coming.done():
            self._shown_for = None
            view.say(f"reading {wording.at(results.seconds_of(row))} ...")
        picture = await coming
        if self._wanted() == wanted:  # else the answer comes too late
            self._shown_for = wanted
            await view.show(picture, self.boxes_of(row))

    def _cannot(self, wanted: tuple[object, ...], why: str) -> None:
        if self._wanted() == wanted:
            self._shown_for = wanted
            self.query_one(FrameView).say(why)

    async def _look_ahead(self) -> None:
        """Fetch the pictures that are likely to be wanted next."""
        place = self._place()
        for row in self.neighbours():
            with suppress(SightlineError, OSError, ValueError):
                await self._pictures.picture(row, place)

    async def still(self, row: Row, longest_side: int) -> bytes:
        """Return the JPEG of a row's frame. Raises SightlineError."""
        when = WrittenTime(results.seconds_of(row), scan=row["scan"])
        request = GetStill(row["path"], when, longest_side, row["content"])
        return (await self.app.bridge.ask(request)).jpeg
