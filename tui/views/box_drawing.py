"""A box that is being drawn on a picture, in shares of it: moved and resized in steps of a cell."""

from __future__ import annotations

from dataclasses import dataclass, field

Corner = tuple[float, float, float, float]
"""x, y, width and height as shares of the picture"""
START: Corner = (0.375, 0.375, 0.25, 0.25)
FAST = 5
"""cells of a large step"""


@dataclass
class BoxDrawing:
    """The box, and the cells of the picture that it is drawn on."""

    corner: Corner = START
    columns: int = 1
    rows: int = 1
    _from: tuple[float, float] | None = field(default=None, init=False)

    def move(self, across: int, down: int) -> None:
        """Move by so many cells; it stays in the picture."""
        x, y, width, height = self.corner
        x = _between(x + across / self.columns, 0.0, 1.0 - width)
        y = _between(y + down / self.rows, 0.0, 1.0 - height)
        self.corner = x, y, width, height

    def resize(self, across: int, down: int) -> None:
        """Move the lower right corner by so many cells; a cell is left at least."""
        x, y, width, height = self.corner
        least_width, least_height = min(1 / self.columns, 1.0), min(1 / self.rows, 1.0)
        width = _between(width + across / self.columns, least_width, 1.0 - x)
        height = _between(height + down / self.rows, least_height, 1.0 - y)
        self.corner = x, y, width, height

    def begin(self, column: int, row: int) -> None:
        """Begin another box at a cell, as when a mouse button is pressed there."""
        self._from = column / self.columns, row / self.rows

    def drag(self, column: int, row: int) -> None:
        """Extend the box that was begun to a cell, which is in it."""
        if self._from is None:
            return
        x, y = self._from
        end_x, end_y = column / self.columns, row / self.rows
        left, right = min(x, end_x), max(x, end_x) + 1 / self.columns
        top, bottom = min(y, end_y), max(y, end_y) + 1 / self.rows
        left, top, right, bottom = (_between(each, 0.0, 1.0) for each in (left, top, right, bottom))
        if right > left and bottom > top:
            self.corner = left, top, right - left, bottom - top

    def end(self) -> None:
        """End dragging."""
        self._from = None

    def pixels(self, width: int, height: int) -> str:
        """Return size and place in pixels of a picture, in words; empty where it has no size."""
        if not width or not height:
            return ""
        x, y, across, down = self.corner
        return f"{across * width:.0f} x {down * height:.0f} px at {x * width:.0f}, {y * height:.0f}"


def _between(value: float, low: float, high: float) -> float:
    return max(low, min(value, max(low, high)))
