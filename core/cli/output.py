"""How headless commands print: results on stdout, all else on stderr, everything cleaned."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from ..errors import EnvironmentFault
from ..text import clean, clean_path, json_text

REFRESH_SECONDS = 0.25
PLAIN_REFRESH_SECONDS = 10.0


class ConsoleOutput:
    """Where everything a command says goes through."""

    def __init__(
        self, *, quiet: bool = False, verbose: bool = False, no_color: bool = False
    ) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        self.quiet = quiet
        self.verbose = verbose
        self._color = not no_color and "NO_COLOR" not in os.environ and sys.stderr.isatty()
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._status = ""
        self._drawn_at = 0.0

    def result(self, text: str) -> None:
        """Print one line of results."""
        self._print(clean(text, limit=10_000))

    def listed(self, text: str) -> None:
        """Print one of very many lines; they are sent in blocks, the last by `send`."""
        self._print(clean(text, limit=10_000), flush=False)

    def exact(self, path: str, end: str) -> None:
        """Print a path as its bytes are, for other programs; sent by `send`.

        On a terminal it is cleaned as everything else.
        """
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None or sys.stdout.isatty():
            self._guarded(partial(print, clean(path, limit=10_000), end=end))
            return

        def write() -> None:
            buffer.write(os.fsencode(path) + end.encode())

        self._guarded(write)

    def send(self) -> None:
        """Send lines that wait."""
        self._guarded(sys.stdout.flush)

    def json(self, body: Any) -> None:
        """Print one JSON value on one line; ASCII, so nothing in it can reach the terminal."""
        self._print(json_text(body))

    def note(self, text: str) -> None:
        """Say something on stderr unless quiet."""
        if not self.quiet:
            self._clear()
            _say(clean(text, limit=10_000))

    def warn(self, text: str) -> None:
        """Say something on stderr that quiet does not silence."""
        self._clear()
        mark = "\x1b[33mwarning:\x1b[0m" if self._color else "warning:"
        _say(f"{mark} {clean(text, limit=10_000)}")

    def failed(self, path: str, reason: str) -> None:
        """Name a source that failed, and why, on one line of stderr."""
        self._clear()
        mark = "\x1b[31mfailed:\x1b[0m" if self._color else "failed:"
        _say(f"{mark} {clean_path(path)}: {clean(reason)}")

    def progress(self, text: str, *, force: bool = False) -> None:
        """Show progress: a line redrawn on a terminal, one now and then elsewhere."""
        if self.quiet:
            return
        now = time.monotonic()
        if not force and now - self._drawn_at < (
            REFRESH_SECONDS if self._live else PLAIN_REFRESH_SECONDS
        ):
            return
        self._drawn_at = now
        if not self._live:
            _say(clean(text))
            return
        self._clear()
        self._status = clean(text)[: _width() - 1]
        _say(self._status, end="")

    def end_progress(self) -> None:
        """Take the progress line away."""
        self._clear()

    def table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print columns, as wide as their widest cell."""
        cells = [[clean(str(cell)) for cell in row] for row in [header, *rows]]
        widths = [max(len(row[n]) for row in cells) for n in range(len(header))]
        for row in cells:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.result(line.rstrip())

    def _print(self, line: str, *, flush: bool = True) -> None:
        self._clear()
        self._guarded(partial(print, line, flush=flush))

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except BrokenPipeError:
            # The reader (`| head`) has closed the pipe; the work itself continues.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            # What could not be written must not be tried again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise EnvironmentFault(
                f"standard output cannot be written: {error.strerror}"
            ) from error

    def _clear(self) -> None:
        if self._status:
            _say("\r\x1b[2K", end="")
            self._status = ""


class Session:
    """What every command gets: the library's folder, the settings and the output."""

    def __init__(self, library: str | None, out: ConsoleOutput) -> None:
        from ..config.user_settings import library_folder, load

        self.app: Callable[..., int] | None = None
        """opens the app; None where there is none"""
        self.settings = load()
        self.out = out
        self.out.quiet = out.quiet or self.settings.quiet
        self.library: Path = library_folder(library, self.settings)

    @property
    def at_terminal(self) -> bool:
        """Return whether a person sits at a terminal that the app can be shown on."""
        dumb = os.environ.get("TERM", "") in ("", "dumb", "unknown")
        return sys.stdin.isatty() and sys.stdout.isatty() and not dumb


def _say(text: str, end: str = "\n") -> None:
    """Print on stderr; what it does not take (a full disk, a closed pipe) stops no work."""
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        # What could not be written must not be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns
