"""The real terminal, kept for the app alone.

Native code (libav, CUDA, glibc) and child processes write to descriptors 1 and 2 and read from 0,
whatever Python thinks of them. While the app runs, 1 and 2 are the log file and 0 is empty; the
app reads and writes the terminal through descriptors of its own.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from .probe import unecho

# Everything the app may have switched on, for ends that leave no time to ask what it was: cancel a
# half-sent sequence; synchronised output, bracketed paste, in-band resize, focus and mouse
# reports off; wrap on; keyboard protocol popped (before the alternate screen goes: each screen
# has its own); alternate screen left, cursor shown, colours reset.
RESTORE = (
    b"\x18\x1b\\\x1b[?2026l\x1b[?2004l\x1b[?2048l\x1b[?1004l"
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1016l\x1b[?1006l"
    b"\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
)


class Guard:
    """A context in which descriptors 0, 1 and 2 are not the terminal.

    `input_fd` and `output_fd` are the terminal; `output_fd` does not block where the platform can
    give a descriptor of our own. On the way out the terminal's modes are as they were.
    """

    def __init__(self, log_fd: int) -> None:
        """Take the descriptors; `log_fd` gets what others write while the guard is down."""
        self._log_fd = log_fd
        self._saved = {fd: os.dup(fd) for fd in (0, 1, 2)}
        self._ours = [fd for fd in (1, 2) if os.isatty(fd)]
        self.input_fd = self._saved[0]
        self.output_fd = _own_descriptor(1)
        self._modes: list[Any] = termios.tcgetattr(self.input_fd)
        self.drawing = False
        """the app has changed the terminal and not yet put it back"""

    def __enter__(self) -> Self:
        self.lower()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.restore()
        self.lift()
        for fd in {self.output_fd, *self._saved.values()}:
            os.close(fd)

    def lower(self) -> None:
        """Point 1 and 2 at the log and 0 at nothing; stop echo.

        Textual puts back the modes it found, so late answers and typing are not echoed while it
        loads and after it has gone either.
        """
        _flush()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        for fd in self._ours:
            os.dup2(self._log_fd, fd)
        with suppress(termios.error):
            unecho(self.input_fd)

    def lift(self) -> None:
        """Give 0, 1 and 2 back, as for an editor that is run meanwhile."""
        _flush()
        for fd in (0, *self._ours):
            os.dup2(self._saved[fd], fd)

    def restore_modes(self) -> None:
        """Set echo, line editing and the like as they were; nothing happens if it is gone."""
        with suppress(termios.error):
            termios.tcsetattr(self.input_fd, termios.TCSANOW, self._modes)

    def restore(self) -> None:
        """Put the terminal back without the app's help; never waits, safe from any thread.

        What the terminal has not taken yet is discarded, or a stalled link would have no space.
        """
        if self.drawing:
            self.drawing = False
            with suppress(OSError, termios.error):
                termios.tcflush(self.output_fd, termios.TCOFLUSH)
            with suppress(OSError):
                os.write(self.output_fd, RESTORE)
        self.restore_modes()

    def discard_input(self, seconds: float) -> None:
        """Throw away what arrives within `seconds`: answers to questions Textual asked."""
        deadline = time.monotonic() + seconds
        with suppress(OSError):
            while (left := deadline - time.monotonic()) > 0:
                if not select.select([self.input_fd], [], [], left)[0]:
                    return
                if not os.read(self.input_fd, 4096):
                    return


def _own_descriptor(fd: int) -> int:
    """Open the terminal once more, not blocking; a copy of `fd` where that cannot be.

    A copy shares its flags with the shell's descriptor, so it must stay as it is.
    """
    for path in (_name_of(fd), "/dev/tty"):
        with suppress(OSError):
            return os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    return os.dup(fd)


def _name_of(fd: int) -> str:
    with suppress(OSError):
        return os.ttyname(fd)
    return "/dev/tty"


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
