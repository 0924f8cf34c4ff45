"""Pictures in their own pixels, by textual-image, for terminals that can show them.

textual-image asks the terminal questions when it is imported, and writes kitty's pictures to the
process's own standard output. Both are done for it here: it finds no terminal to ask, is given the
size of a cell that our own probe measured, and what it writes goes the way of everything else the
app sends, so that a slow link never blocks the app.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOBase
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from PIL.Image import Image
    from textual.widget import Widget

Kind = Literal["sixel", "kitty"]
Send = Callable[[str], None]


class _Outlet(TextIOBase):
    """Stands where a program's standard output was, and sends what is written by the app's way."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def isatty(self) -> bool:
        """Return False: nothing may query this terminal while the app reads from it."""
        return False

    def write(self, text: str, /) -> int:
        """Send a text."""
        self._send(text)
        return len(text)


def widget_for(kind: Kind, cell_pixels: tuple[int, int], send: Send) -> Callable[[Image], Widget]:
    """Return what makes a widget of a picture. Raises ImportError without textual-image."""
    # For good: kitty's pictures are written there whenever one is drawn or taken away.
    sys.__stdout__ = _Outlet(send)  # type: ignore[misc,assignment]
    with _no_warnings():
        from textual_image import _terminal
        from textual_image.widget import SixelImage, TGPImage

    # Its cache of what it would have asked the terminal.
    _terminal.get_cell_size._result = _terminal.CellSize(*cell_pixels)  # type: ignore[attr-defined]
    made: dict[Kind, Any] = {"sixel": SixelImage, "kitty": TGPImage}
    return lambda image: made[kind](image)


def fitted_pixels(
    size: tuple[int, int], cells: tuple[int, int], cell_pixels: tuple[int, int], most: int
) -> tuple[int, int]:
    """Return the size in pixels at which a picture of `size` fits into `cells`.

    No side is longer than `most`: what is sent grows with the pixels.
    """
    width, height = size
    space = cells[0] * cell_pixels[0], cells[1] * cell_pixels[1]
    scale = min(space[0] / width, space[1] / height, most / max(width, height), 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)


@contextmanager
def _no_warnings() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
