"""Hits of a search as a contact sheet or a list, with a cursor that both share."""

from __future__ import annotations

import asyncio
from typing import Any

from textual import on
from textual.timer import Timer

from core.errors import SightlineError
from core.protocol.requests.search import SearchReply
from core.text import clean

from ..views import search
from ..widgets.frame_view import Box, drawn
from ..widgets.rows import ListSource
from ..widgets.sheet import Sheet
from ..widgets.virtual_table import VirtualTable
from .latest import run_latest
from .picturing import PICTURE_SECONDS, PictureScreen

NEAR_THE_END = 20
"""so many rows before the last, more are asked for"""
TILES = (2, 3, 4, 5)


class HitsScreen(PictureScreen):
    """A screen of hits; its body has a `Sheet` and a `VirtualTable`, of which one is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._is_sheet = self.kept("sheet", True)
        self._across = max(TILES[0], min(self.kept("across", 3), TILES[-1]))
        self._reply: SearchReply | None = None
        self._rows: list[dict[str, Any]] = []
        self._judged: dict[str, str] = {}
        self._source = ListSource()
        self._filling: Timer | None = None

    def rule(self, reply: SearchReply) -> str:
        """Return what stands between what passes the cut-off and what does not."""
        raise NotImplementedError

    async def more(self) -> None:
        """Fetch the hits that follow those that are here."""
        raise NotImplementedError

    @property
    def _all(self) -> int:
        return 0 if self._reply is None else self._reply.total + self._reply.rest

    def _say_in_place(self, words: str) -> None:
        self.query_one(Sheet).say(words)
        self.query_one(VirtualTable).set_empty(words)

    def _show_rows(self) -> None:
        signs, judged = self.app.symbols, self._judged
        tiles = [search.tile(row, judged.get(row["key"], ""), signs) for row in self._rows]
        self._source.show(
            [search.listed(row, judged.get(row["key"], ""), signs) for row in self._rows]
        )
        self.query_one(VirtualTable).source_changed()
        passing = 0 if self._reply is None else self._reply.total
        rule = "" if self._reply is None else self.rule(self._reply)
        at = passing if rule and passing <= len(tiles) else None
        self.query_one(Sheet).show(tiles, rule, at)
        self.draw_soon()

    def _show_view(self) -> None:
        self.query_one(Sheet).display = self._is_sheet
        self.query_one(VirtualTable).display = not self._is_sheet
        self._focus_hits()

    def _focus_hits(self) -> None:
        shown = Sheet if self._is_sheet else VirtualTable
        self.query_one(shown).focus()

    @property
    def _index(self) -> int:
        if self._is_sheet:
            return self.query_one(Sheet).cursor_index
        return max(self.query_one(VirtualTable).cursor_index, 0)

    def _row(self) -> dict[str, Any] | None:
        return self._rows[self._index] if self._index < len(self._rows) else None

    def row_here(self) -> bool:
        """Return whether a hit is under the cursor."""
        return self._row() is not None

    # Moving

    def act_move_down(self) -> None:
        """Move down."""
        if self._is_sheet:
            self._step(1)
        else:
            super().act_move_down()

    def act_move_up(self) -> None:
        """Move up."""
        if self._is_sheet:
            self._step(-1)
        else:
            super().act_move_up()

    def act_search_left(self) -> None:
        """Move to the tile on the left."""
        if self._is_sheet:
            self._step(0, -1)
        else:
            super().act_move_up()

    def act_search_right(self) -> None:
        """Move to the tile on the right."""
        if self._is_sheet:
            self._step(0, 1)
        else:
            super().act_move_down()

    def act_move_first(self) -> None:
        """Move to the first hit."""
        if self._is_sheet:
            self.query_one(Sheet).cursor_to(0)
        else:
            super().act_move_first()

    def act_move_last(self) -> None:
        """Move to the last hit."""
        if self._is_sheet:
            self.query_one(Sheet).cursor_to(len(self._rows))
        else:
            super().act_move_last()

    def act_move_page_down(self) -> None:
        """Move down a page."""
        if self._is_sheet:
            self._step(2)
        else:
            super().act_move_page_down()

    def act_move_page_up(self) -> None:
        """Move up a page."""
        if self._is_sheet:
            self._step(-2)
        else:
            super().act_move_page_up()

    def _step(self, rows: int, tiles: int = 0) -> None:
        self.query_one(Sheet).cursor_by(tiles, rows)

    @on(Sheet.CursorMoved)
    @on(VirtualTable.CursorMoved)
    def _moved(self) -> None:
        if self._index >= len(self._rows) - NEAR_THE_END:
            run_latest(self, "more", self.more)
        self.rest()
        self.draw_soon()

    @on(Sheet.Activated)
    @on(VirtualTable.Activated)
    def _activated(self) -> None:
        self.act_search_picture()

    # Pictures

    def pictured_row(self) -> dict[str, Any] | None:
        """Return the hit whose picture is shown."""
        row = self._row()
        return None if row is None or row["gone"] else row

    def neighbours(self) -> list[dict[str, Any]]:
        """Return the hits that are likely to be looked at next."""
        near = (self._index + 1, self._index - 1)
        return [self._rows[n] for n in near if 0 <= n < len(self._rows)]

    def boxes_of(self, row: dict[str, Any]) -> list[Box]:
        """Return the part of the picture that matched, where its size is known."""
        width, height = row.get("width") or 0, row.get("height") or 0
        if not row["box"] or not width or not height:
            return []
        x, y, across, down = row["box"]
        return [(clean(row["label"]), x / width, y / height, across / width, down / height)]

    @on(Sheet.Moved)
    def _tiles_moved(self) -> None:
        if self._filling is not None:
            self._filling.stop()
        self._filling = self.set_timer(PICTURE_SECONDS, self._fill_soon)

    def _fill_soon(self) -> None:
        if self._is_sheet and self.app.pictures_allowed and self.app.picture_share == "all":
            run_latest(self, "tiles", self._fill)

    async def _fill(self) -> None:
        """Fetch the pictures of the tiles in view, one at a time, the cursor's first."""
        sheet = self.query_one(Sheet)
        failed: set[str] = set()
        while missing := [key for key in sheet.missing if key not in failed]:
            key, place = missing[0], sheet.place
            row = next((row for row in self._rows if row["key"] == key), None)
            if row is None or place.is_too_small or row["gone"]:
                failed.add(key)
                continue
            try:
                picture = await self._pictures.picture(row, place)
            except (SightlineError, OSError, ValueError):
                failed.add(key)
                continue
            picture = picture if row["passes"] else picture.convert("L").convert("RGB")
            plain = not self.app.symbols.braille or self.app.no_color
            strips = await asyncio.to_thread(drawn, picture, (), plain=plain, coarse=True)
            if sheet.place == place:
                sheet.put(key, strips)

    # How hits are shown

    def act_list_open(self) -> None:
        """Show the picture large, or small again."""
        self.act_search_picture()

    def act_search_picture(self) -> None:
        """Show the picture large, or small again."""
        self.ask_for_picture()
        self.toggle_class("-picture")
        self.rest()

    def act_search_view(self) -> None:
        """Turn the contact sheet into a list, and back; the cursor stays on its hit."""
        index = self._index
        self._is_sheet = not self._is_sheet
        if self._is_sheet:
            self.query_one(Sheet).cursor_to(index)
        elif index < len(self._rows):
            self.query_one(VirtualTable).cursor_to_key(self._rows[index]["key"])
        self._show_view()
        self.rest()

    def act_pane_larger(self) -> None:
        """Show larger tiles."""
        self._set_across(-1)

    def act_pane_smaller(self) -> None:
        """Show smaller tiles."""
        self._set_across(1)

    def _set_across(self, by: int) -> None:
        self._across = max(TILES[0], min(self._across + by, TILES[-1]))
        self.query_one(Sheet).set_across(self._across)
