"""Writing results as files, with progress on stderr."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

from ..errors import ExitCode
from ..protocol.queries import ExportRequest
from ..protocol.requests.exports import ExportResults
from ..protocol.views import ExportNote, ExportProgress, Piece
from ..service.client import LibraryClient
from ..text import clean_path, counted
from .output import ConsoleOutput


async def write_files(
    library: Path, request: ExportRequest, out: ConsoleOutput, *, list_: bool = False
) -> int:
    """Carry out an export and return the exit code; `list_` prints the files on stdout."""
    printer = _ExportPrinter(request, out, list_)
    try:
        await _written(library, request, printer)
    finally:
        out.end_progress()
        out.send()
    printer.sum_up()
    return int(ExitCode.SOME_FAILED if printer.failed else ExitCode.OK)


async def _written(library: Path, request: ExportRequest, printer: _ExportPrinter) -> None:
    client = LibraryClient(library)
    try:
        async with aclosing(client.stream(ExportResults(request))) as parts:
            async for part in parts:
                printer.take(part)
    finally:
        await client.close()


class _ExportPrinter:
    """Prints what becomes of an export, and counts."""

    def __init__(self, request: ExportRequest, out: ConsoleOutput, list_: bool) -> None:
        self._request = request
        self._out = out
        self._list = list_
        self._files = self._clips = self._copied = self._pictures = 0
        self._matched = False
        self.failed = 0

    def take(self, part: ExportProgress | Piece | ExportNote) -> None:
        if isinstance(part, Piece):
            self._wrote(part)
        elif isinstance(part, ExportNote):
            self._out.note(part.text)
        else:
            self._progress(part)

    def _progress(self, progress: ExportProgress) -> None:
        self._matched = self._matched or progress.total > 0
        is_last = progress.total > 0 and progress.done == progress.total
        self._out.progress(f"export: {progress.words}", force=is_last)

    def _wrote(self, piece: Piece) -> None:
        if piece.failure:
            self.failed += 1
            self._out.failed(piece.source, piece.failure)
            return
        if not piece.events:
            self._files += 1
        elif piece.path is not None and piece.path.suffix == ".jpg":
            self._pictures += 1
        else:
            self._clip(piece)
        if self._list:
            self._out.listed(str(piece.path))

    def _clip(self, piece: Piece) -> None:
        self._clips += 1
        self._copied += piece.how.startswith("copied")
        if piece.path is not None:
            self._out.note(f"{clean_path(piece.path.name)}: {piece.how}")

    def sum_up(self) -> None:
        if self._request.text and not self._matched:
            self._out.note("nothing matches the filter")
        written = (
            (self._files, "file", self._request.folder),
            (self._clips, "clip", self._request.clips),
            (self._pictures, "picture", self._request.pictures),
        )
        for count, kind, folder in written:
            if folder:
                how = self._how() if kind == "clip" and count else ""
                self._out.note(f"{counted(count, kind)} written to {clean_path(folder)}{how}")

    def _how(self) -> str:
        return f" ({self._copied} copied, {self._clips - self._copied} re-encoded)"
