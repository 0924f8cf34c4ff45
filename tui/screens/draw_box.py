"""Drawing a box with a label on a picture, with keys or the mouse."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from ..views.box_drawing import FAST, BoxDrawing, Corner
from ..widgets.entry import Entry
from ..widgets.frame_view import Box, FrameView, fitted
from ..widgets.line import Line
from ..widgets.symbols import Symbols

if TYPE_CHECKING:
    from PIL.Image import Image

KEYS = "arrows move  shift+arrows resize  f larger steps  enter label  esc back "
NAMED = "enter: keep the box  esc: back to the box "
_WAYS = {"left,h": (-1, 0), "right,l": (1, 0), "up,k": (0, -1), "down,j": (0, 1)}
_SHIFTED = {"shift+left,H": (-1, 0), "shift+right,L": (1, 0), "shift+up,K": (0, -1),
            "shift+down,J": (0, 1)}  # fmt: skip


class DrawBoxScreen(ModalScreen[tuple[str, Corner] | None]):
    """Returns the label and the box, or None."""

    CSS = """
    DrawBoxScreen { background: $ground; }
    DrawBoxScreen FrameView { height: 1fr; }
    DrawBoxScreen #label { display: none; background: $raised; }
    DrawBoxScreen.-named #label { display: block; }
    """
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "back", show=False, priority=True),
        Binding("enter", "name", show=False),
        Binding("f", "steps", show=False),
        *(Binding(keys, f"move{way}", show=False) for keys, way in _WAYS.items()),
        *(Binding(keys, f"resize{way}", show=False) for keys, way in _SHIFTED.items()),
    ]

    def __init__(
        self, title: str, jpeg: bytes, size: tuple[int, int], symbols: Symbols, *,
        label: str = "", others: Sequence[Box] = (),
    ) -> None:  # fmt: skip
        """`size` is the source's in pixels, `label` one to begin with, `others` what is there."""
        super().__init__()
        self._heading = title
        self._jpeg = jpeg
        self._source_size = size
        self._symbols = symbols
        self._label = label
        self._others = tuple(others)
        self._box = BoxDrawing()
        self._picture: Image | None = None
        self._step = 1
        self._redraw = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Lay out the title, the picture and the line for the label."""
        with Vertical():
            yield Line(f" {self._heading}", symbols=self._symbols, id="about")
            yield FrameView(symbols=self._symbols)
            yield Entry(self._label, placeholder="label of the box", id="label")
            yield Line("", symbols=self._symbols, id="ways")

    def on_mount(self) -> None:
        """Draw whatever is the latest, one drawing at a time."""
        self._say()
        self.run_worker(self._draw_latest())

    async def _draw_latest(self) -> None:
        view = self.query_one(FrameView)
        while True:
            await self._redraw.wait()
            self._redraw.clear()
            if self._picture is not None:
                own: Box = ("", *self._box.corner)
                await view.show(self._picture, (*self._others, own))

    @on(FrameView.Resized)
    async def _fit(self) -> None:
        """Fit the picture into its place anew."""
        place = self.query_one(FrameView).place
        if place.is_too_small:
            return
        try:
            self._picture = await asyncio.to_thread(fitted, self._jpeg, place)
        except (OSError, ValueError) as error:
            self.query_one(FrameView).say(f"the picture cannot be shown: {error}")
            return
        self._box.columns, self._box.rows = self.query_one(FrameView).cells_of(self._picture)
        self._changed()

    def _changed(self) -> None:
        self._redraw.set()
        self._say()

    def _say(self) -> None:
        words = self._box.pixels(*self._source_size)
        self.query_one("#about", Line).show(f" {self._heading}", f"{words} ")
        self.query_one("#ways", Line).show(f" {NAMED if self._is_named else KEYS}")

    @property
    def _is_named(self) -> bool:
        return self.has_class("-named")

    # Keys

    def action_move(self, across: int, down: int) -> None:
        """Move the box."""
        self._box.move(across * self._step, down * self._step)
        self._changed()

    def action_resize(self, across: int, down: int) -> None:
        """Make the box larger or smaller."""
        self._box.resize(across * self._step, down * self._step)
        self._changed()

    def action_steps(self) -> None:
        """Move in larger steps, or in single cells again."""
        self._step = FAST if self._step == 1 else 1

    def action_name(self) -> None:
        """Ask for the label."""
        self.add_class("-named")
        self.query_one(Entry).focus()
        self._say()

    def action_back(self) -> None:
        """Go back to the box, else leave."""
        if not self._is_named:
            self.dismiss(None)
            return
        self.remove_class("-named")
        self.set_focus(None)
        self._say()

    @on(Input.Submitted)
    def _keep(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.dismiss((event.value.strip(), self._box.corner))
        else:
            self.query_one("#ways", Line).show(" a box needs a label")

    # Mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin a box where the button is pressed."""
        view = self.query_one(FrameView)
        if view.region.contains(event.screen_x, event.screen_y):
            self.capture_mouse()
            self._box.begin(*self._cell(event))
            self._box.drag(*self._cell(event))
            self._changed()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Extend it."""
        if event.button:
            self._box.drag(*self._cell(event))
            self._changed()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End it."""
        self._box.drag(*self._cell(event))
        self._box.end()
        self.release_mouse()
        self._changed()

    def _cell(self, event: events.MouseEvent) -> tuple[int, int]:
        """Return the cell of the picture that is pointed at, the nearest if none is."""
        region = self.query_one(FrameView).region
        column = min(max(event.screen_x - region.x, 0), self._box.columns - 1)
        row = min(max(event.screen_y - region.y, 0), self._box.rows - 1)
        return column, row
