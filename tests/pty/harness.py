"""A program in a real pseudo-terminal, with a person, a terminal and a link in front of it.

    with spawn([sys.executable, "-m", "tests.pty.small_app"], size=(80, 24)) as terminal:
        terminal.wait_for_text("ready")
        terminal.send("q")
        assert terminal.wait() == 0 and terminal.restored()

Everything the program writes is kept with its time, answered as a terminal would (`ANSWERS`), and
drawn by `emulator.Emulator` when somebody looks.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.pty.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
# Makes the terminal the controlling one of the new session, as a login does. This Python may have
# set LC_CTYPE for itself (PEP 538), which the program must not inherit.
_CONTROL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.environ.pop("LC_CTYPE", None)
os.environ.update([("LC_CTYPE", sys.argv[1])] if sys.argv[1] else [])
os.execvp(sys.argv[2], sys.argv[2:])
"""
_DROPPED = ("SIGHTLINE", "TEXTUAL", "TMUX", "SSH_", "LC_", "STY")
_DROPPED_NAMES = {"NO_COLOR", "COLUMNS", "LINES", "LANG", "COLORTERM", "TERM", "TERM_PROGRAM"}
_MODE = re.compile(rb"\x1b\[\?([\d;]+)([hl])")
_USUAL_MODES = {7: True, 25: True}
_CHECKED_MODES = (7, 25, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1049, 2004, 2026, 2048)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the terminal says when it is asked `question`, and after how long."""

    question: bytes
    answer: bytes
    after_seconds: float = 0.0


DA1 = Answer(b"\x1b[c", b"\x1b[?62;22c")
CELL = Answer(b"\x1b[16t", b"\x1b[6;20;10t")
KITTY = Answer(b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\", b"\x1b_Gi=31;OK\x1b\\")
SYNC = Answer(b"\x1b[?2026$p", b"\x1b[?2026;2$y")
IN_BAND = Answer(b"\x1b[?2048$p", b"\x1b[?2048;2$y")
ANSWERS = (DA1, CELL)


def late(answers: Sequence[Answer], seconds: float) -> tuple[Answer, ...]:
    """Return the same answers over a link that takes `seconds` there and back."""
    return tuple(Answer(each.question, each.answer, seconds) for each in answers)


def environment(**changes: str | None) -> dict[str, str]:
    """Return a user's environment; None takes a variable away."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_DROPPED) and name not in _DROPPED_NAMES
    }
    usual = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "en_US.UTF-8"}
    mixed: dict[str, str | None] = {**kept, **usual, **changes}
    return {name: value for name, value in mixed.items() if value is not None}


def spawn(
    argv: Sequence[str], env: Mapping[str, str] | None = None, size: tuple[int, int] = (80, 24),
    answers: Sequence[Answer] = ANSWERS, *, controlling: bool = True, cwd: Path = ROOT,
) -> Terminal:  # fmt: skip
    """Start a program in a terminal of `size` columns and rows.

    Without `controlling`, the kernel sends no SIGHUP when the terminal is closed.
    """
    return Terminal(argv, environment() if env is None else env, size, answers, controlling, cwd)


class Terminal:
    """The terminal and the program in it. A context: on the way out the program is killed."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], size: tuple[int, int],
        answers: Sequence[Answer], controlling: bool, cwd: Path,
    ) -> None:  # fmt: skip
        self.received: list[tuple[float, bytes]] = []
        """every piece the program wrote, with `time.monotonic()`"""
        self._answers = answers
        self._reads = threading.Event()
        self._reads.set()
        self._over = threading.Event()
        self._drained = threading.Event()
        self._due: list[tuple[float, bytes]] = []
        self._rate = 0
        self._shown = 0
        self._emulator = Emulator(*size)
        self._master, self._slave = pty.openpty()
        self._closed = False
        self.resize(*size, tell=False)
        self._modes_before = termios.tcgetattr(self._slave)
        login = [sys.executable, "-I", "-S", "-c", _CONTROL, env.get("LC_CTYPE", "")]
        self.process = subprocess.Popen(
            [*(login if controlling else []), *argv], env=dict(env), cwd=cwd,
            stdin=self._slave, stdout=self._slave, stderr=self._slave, start_new_session=True,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    # What a person does

    def send(self, keys: str | bytes) -> None:
        """Type."""
        os.write(self._master, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, rows: int, *, tell: bool = True) -> None:
        """Change the window's size; the kernel sends SIGWINCH."""
        self.screen() if tell else None
        self._emulator.resize(columns, rows)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def screen(self) -> list[str]:
        """Return the lines on the screen now, without trailing blanks."""
        pieces = self.received[self._shown :]
        self._shown += len(pieces)
        self._emulator.feed(b"".join(piece for _, piece in pieces))
        return self._emulator.lines()

    def text(self) -> str:
        """Return the screen's lines joined, so that a wrapped line is whole again."""
        return "".join(self.screen())

    def wait_for_text(self, text: str, timeout: float = 15.0) -> None:
        """Wait until `text` is on the screen, within one line."""
        if not self.wait_until(lambda: any(text in line for line in self.screen()), timeout):
            shown = "\n".join(self.screen())
            raise AssertionError(f"no {text!r} within {timeout:g} s:\n{shown}")

    def wait_until(self, holds: Callable[[], bool], timeout: float = 15.0) -> bool:
        """Wait until `holds()`; False if it did not in time."""
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    # What happens to the link and to the program

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Read nothing for a while, as a link that hangs."""
        self._reads.clear()
        try:
            yield
        finally:
            self._reads.set()

    @contextmanager
    def slowed(self, bytes_per_second: int) -> Iterator[None]:
        """Read no faster than a slow link would."""
        self._rate = bytes_per_second
        try:
            yield
        finally:
            self._rate = 0

    def hang_up(self) -> None:
        """Close the terminal, as a dropped SSH session does."""
        self._over.set()
        self._reads.set()
        self._thread.join(5)
        os.close(self._slave)
        os.close(self._master)
        self._closed = True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self.process.send_signal(number)

    def wait(self, timeout: float = 15.0) -> int:
        """Wait for the program's end and for its last words; return its exit code.

        Negative if a signal killed it.
        """
        code = self.process.wait(timeout)
        if not self._closed:
            for _ in range(2):  # the first time, it may have looked before the end
                self._drained.clear()
                self._drained.wait(10)
        return code

    def typed_ahead(self) -> bytes:
        """Return what the next program would read, a shell say."""
        return os.read(self._slave, 4096) if select.select([self._slave], [], [], 0.1)[0] else b""

    def close(self) -> None:
        """Kill what still runs and close the terminal."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        if not self._closed:
            self.hang_up()

    # What was written

    @property
    def output(self) -> bytes:
        """Everything the program wrote."""
        return b"".join(piece for _, piece in self.received)

    def bytes_between(self, start: float, end: float) -> bytes:
        """Return what came from `start` to `end`, in `time.monotonic()`."""
        return b"".join(piece for moment, piece in self.received if start <= moment < end)

    def restored(self) -> bool:
        """Say whether the terminal is as it was before the program."""
        return not self.left_behind()

    def left_behind(self) -> list[str]:
        """Name what the program changed and did not put back."""
        output = self.output
        modes = modes_after(output)
        wrong = [f"mode {m}" for m in _CHECKED_MODES if modes[m] != _USUAL_MODES.get(m, False)]
        pushed = len(re.findall(rb"\x1b\[>\d+u", output))
        if pushed != (popped := output.count(b"\x1b[<u")):
            wrong.append(f"keyboard protocol pushed {pushed} and popped {popped} times")
        if not self._closed and termios.tcgetattr(self._slave) != self._modes_before:
            wrong.append("termios")
        return wrong

    # The terminal's side

    def _read(self) -> None:
        while not self._over.is_set():
            self._reads.wait()
            self._answer_what_is_due()
            if not select.select([self._master], [], [], 0.02)[0]:
                self._drained.set()
                continue
            if not self._reads.is_set():
                continue
            rate = self._rate
            piece = os.read(self._master, rate // 20 if rate else 65536)
            time.sleep(len(piece) / rate if rate else 0)
            self.received.append((time.monotonic(), piece))
            self._note_questions(piece)

    def _note_questions(self, piece: bytes) -> None:
        now = time.monotonic()
        for each in self._answers:
            self._due += [(now + each.after_seconds, each.answer)] * piece.count(each.question)
        self._answer_what_is_due()

    def _answer_what_is_due(self) -> None:
        now = time.monotonic()
        due = [answer for moment, answer in self._due if moment <= now]
        self._due = [item for item in self._due if item[0] > now]
        # In one write, as terminals do; in the order of ANSWERS.
        if due:
            os.write(self._master, b"".join(due))


def modes_after(output: bytes) -> dict[int, bool]:
    """Return each private mode that matters as the last sequence left it."""
    modes: dict[int, bool] = {m: _USUAL_MODES.get(m, False) for m in _CHECKED_MODES}
    for names, how in _MODE.findall(output):
        modes.update({int(name): how == b"h" for name in names.split(b";")})
    return modes
