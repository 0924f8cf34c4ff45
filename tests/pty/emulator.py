"""What a person would see: pyte, with the alternate screen and the sequences it does not know."""

from __future__ import annotations

import re

import pyte

# Strings (APC, DCS) and sequences that pyte would draw as text.
_UNKNOWN = re.compile(
    rb"\x1b[_P][^\x1b]*(?:\x1b\x1b[^\x1b]*)*\x1b\\|\x1b\[[<=>][\d;]*[a-zA-Z]|\x18"
)
_UNFINISHED = re.compile(rb"\x1b(?:\[[\d;?<=>$ ]*|[_P\]][^\x07\x1b]*\x1b?)?\Z")
_ALTERNATE = re.compile(rb"(\x1b\[\?1049[hl])")


class Emulator:
    """Two screens, of which one is shown."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screens = [pyte.Screen(columns, rows), pyte.Screen(columns, rows)]
        self._streams = [pyte.ByteStream(screen) for screen in self._screens]
        self._which = 0
        self._rest = b""

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of both."""
        for screen in self._screens:
            screen.resize(rows, columns)

    def feed(self, data: bytes) -> None:
        """Draw what the program wrote; an unfinished sequence waits for its end."""
        data = self._rest + data
        unfinished = _UNFINISHED.search(data)
        end = unfinished.start() if unfinished else len(data)
        self._rest = data[end:]
        for piece in _ALTERNATE.split(_UNKNOWN.sub(b"", data[:end])):
            self._draw(piece)

    def lines(self) -> list[str]:
        """Return the shown screen's lines without trailing blanks."""
        return [line.rstrip() for line in self._screens[self._which].display]

    def cells(self) -> list[list[pyte.screens.Char]]:
        """Return the shown screen's cells: letter, colours and style of each."""
        screen = self._screens[self._which]
        return [[screen.buffer[y][x] for x in range(screen.columns)] for y in range(screen.lines)]

    def _draw(self, piece: bytes) -> None:
        if not _ALTERNATE.fullmatch(piece):
            self._streams[self._which].feed(piece)
            return
        self._which = int(piece.endswith(b"h"))
        if self._which:
            self._screens[1].reset()
