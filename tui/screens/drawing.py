"""Boxes that are drawn on the picture of the row under the cursor, and erased again."""

from __future__ import annotations

from typing import Any

from core.protocol.commands import DrawBox, EraseBox
from core.text import clean

from ..views import results, wording
from ..views.box_drawing import Corner
from .choose import ChooseScreen
from .draw_box import DrawBoxScreen
from .picturing import PictureScreen

DRAWN_ON_PIXELS = 1280
Row = dict[str, Any]


class DrawingScreen(PictureScreen):
    """A screen with pictures on which boxes can be drawn."""

    _last_label = ""

    def act_results_draw(self) -> None:
        """Draw a box on the picture."""
        row = self.pictured_row()
        if row is not None:
            self.work(self._draw(row))

    def act_results_erase(self) -> None:
        """Remove a box that was drawn by hand."""
        row = self.pictured_row()
        boxes = [] if row is None else row["drawn"]
        if row is None or not boxes:
            self.say("no box was drawn on this frame; a draws one")
            return
        choices = [(str(box["number"]), f"{box['number']}  {clean(box['label'])}") for box in boxes]
        self.app.push_screen(
            ChooseScreen("remove which box", choices, self.app.symbols),
            lambda number: self._erase(row, number),
        )

    async def _draw(self, row: Row) -> None:
        jpeg = await self.still(row, DRAWN_ON_PIXELS)
        title = f"box on {wording.short_path(row['path'])} {wording.at(results.seconds_of(row))}"
        screen = DrawBoxScreen(
            title, jpeg, (row.get("width") or 0, row.get("height") or 0), self.app.symbols,
            label=self._last_label, others=results.drawn(row),
        )  # fmt: skip
        self.app.push_screen(screen, lambda drawn: self._keep(row, drawn))

    def _keep(self, row: Row, drawn: tuple[str, Corner] | None) -> None:
        if drawn is None:
            return
        label, corner = drawn
        self._last_label = label
        where = row["content"], row["frame"]
        command = DrawBox(*where, results.seconds_of(row), label, corner)
        self.work(self._changed(command, "box stored; A removes it"))

    def _erase(self, row: Row, number: str | None) -> None:
        if number is not None:
            command = EraseBox(row["content"], row["frame"], int(number))
            self.work(self._changed(command, "box removed"))

    async def _changed(self, command: DrawBox | EraseBox, words: str) -> str:
        await self.app.bridge.ask(command)
        self.rows_changed()
        return words

    def rows_changed(self) -> None:
        """Fetch the rows again: what belongs to them was changed."""
        raise NotImplementedError
