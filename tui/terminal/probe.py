"""What the terminal can do, found out before Textual reads from it.

One write asks several things; the last of them (DA1) is answered by every terminal, and terminals
answer in order, so its answer ends the wait and times the link. Answers that come later than
any caller waited for are taken out of what is typed, by `LateAnswers`.
"""

from __future__ import annotations

import os
import re
import select
import signal
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.service.local import child_environment

Colour = Literal["none", "16", "256", "truecolor"]
Image = Literal["none", "halfcell", "sixel", "kitty"]

KITTY_GRAPHICS = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
CELL_SIZE = b"\x1b[16t"
BACKGROUND = b"\x1b]11;?\x1b\\"
# A letter of two bytes at the left edge, then where the cursor is: one cell on only where the
# terminal reads UTF-8. Then the letter is erased again.
TWO_BYTES = b"\r\xc3\xa9\x1b[6n\r\x1b[K"
DEVICE_ATTRIBUTES = b"\x1b[c"
MAX_ANSWER_BYTES = 65_536
LATE_SECONDS = 30.0
DUMB_TERMS = frozenset({"", "dumb", "unknown"})
# Terminals whose terminfo name says 24-bit colour although SSH does not forward COLORTERM.
TRUECOLOR_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour")
KITTY_IMAGE_TERMS = ("kitty", "ghostty", "wezterm")

_DA1 = re.compile(rb"\x1b\[\?([\d;]*)c")
_CELL = re.compile(rb"\x1b\[6;(\d{1,4});(\d{1,4})t")
_BACKGROUND = re.compile(
    rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})"
)
_CURSOR = re.compile(rb"\x1b\[\d+;(\d+)R")
_KITTY_OK = re.compile(rb"\x1b_Gi=31[^;\x1b]*;OK\x1b\\")


@dataclass(frozen=True, slots=True)
class TerminalFacts:
    """What was found out about the terminal on stdin and stdout."""

    columns: int
    rows: int
    is_tty: bool
    """stdin and stdout are both a terminal"""
    term: str
    """$TERM"""
    dumb: bool
    """it cannot move its cursor"""
    unicode: bool
    """the terminal reads UTF-8, as it showed or the locale says: braille may be drawn"""
    colour: Colour
    image: Image
    """how a picture can be shown; "none" where it was not asked or nothing can show one"""
    cell_pixels: tuple[int, int] | None
    """width and height of a character cell"""
    round_trip_ms: float | None
    """the link, there and back; None if nothing asked or answered, or tmux answered for it"""
    unanswered: bool
    """it was asked and may still answer"""
    tmux: bool
    ssh: bool
    light: bool = False
    """its background is light; False where it did not say"""


@dataclass(frozen=True, slots=True)
class _Answers:
    """What came back until DA1 or the timeout; all empty if nothing was asked."""

    raw: bytes = b""
    seconds: float | None = None
    asked: bool = False


def probe(
    timeout_seconds: float = 1.0, *, images: bool = True, letters: bool = True
) -> TerminalFacts:
    """Ask the terminal what it can do; takes one round trip, at most `timeout_seconds`.

    Without `letters`, where ASCII alone is wanted, it is not asked whether it reads UTF-8.

    Asks nothing when stdin or stdout is no terminal, or when it is dumb or the bare Linux console;
    nothing about pictures when no `images` are wanted. The terminal's modes are as before on every
    way out. Called in the main thread.
    """
    env = os.environ
    term = env.get("TERM", "")
    is_tty = os.isatty(0) and os.isatty(1)
    dumb = term in DUMB_TERMS
    tmux = bool(env.get("TMUX"))
    asks = is_tty and not dumb and term != "linux"
    found = _ask(_questions(tmux, images, letters), timeout_seconds) if asks else _Answers()
    pictures = asks and images
    unicode = _reads_utf8(found.raw, env) and term != "linux"
    colour = _colour(env, term)
    columns, rows = size_of(1)
    return TerminalFacts(
        columns=columns, rows=rows, is_tty=is_tty, term=term, dumb=dumb,
        unicode=unicode, colour=colour,
        image=_image(found.raw, tmux, env, unicode and colour != "none") if pictures else "none",
        cell_pixels=_cell_pixels(found.raw),
        round_trip_ms=None if tmux or found.seconds is None else found.seconds * 1000,
        unanswered=found.asked and found.seconds is None,
        tmux=tmux,
        ssh=any(env.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")),
        light=_is_light(found.raw),
    )  # fmt: skip


def size_of(fd: int) -> tuple[int, int]:
    """Return the columns and rows of a terminal; 80 x 24 where it does not say."""
    with suppress(OSError, ValueError):
        columns, rows = os.get_terminal_size(fd)
        if columns > 0 and rows > 0:
            return columns, rows
    return 80, 24


def _questions(tmux: bool, images: bool, letters: bool) -> bytes:
    # tmux takes an APC string for the title of the pane, and answers DA1 for itself.
    pictures = (b"" if tmux else KITTY_GRAPHICS) + CELL_SIZE if images else b""
    return pictures + BACKGROUND + (TWO_BYTES if letters else b"") + DEVICE_ATTRIBUTES


def _ask(questions: bytes, timeout_seconds: float) -> _Answers:
    try:
        with _ends_by_exception(), _unechoed(0):
            return _exchange(questions, time.monotonic() + timeout_seconds)
    except (OSError, termios.error):
        return _Answers()


def _exchange(questions: bytes, deadline: float) -> _Answers:
    if not select.select([], [1], [], _left(deadline))[1]:
        return _Answers()
    started = time.monotonic()
    os.write(1, questions)
    raw = b""
    while not _DA1.search(raw) and len(raw) < MAX_ANSWER_BYTES:
        if not select.select([0], [], [], _left(deadline))[0] or not (part := os.read(0, 4096)):
            termios.tcflush(0, termios.TCIFLUSH)
            return _Answers(raw, None, asked=True)
        raw += part
    return _Answers(raw, time.monotonic() - started, asked=True)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


@contextmanager
def _unechoed(fd: int) -> Iterator[None]:
    before = termios.tcgetattr(fd)
    try:
        unecho(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, before)


def unecho(fd: int) -> None:
    """Stop echo and line editing on a terminal; ctrl+c still interrupts."""
    modes = termios.tcgetattr(fd)
    modes[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(fd, termios.TCSANOW, modes)


@contextmanager
def _ends_by_exception() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit, so that the terminal's modes are put back."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {
        number: signal.signal(number, leave)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_DFL
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# Reading the answers and the environment


def _image(raw: bytes, tmux: bool, env: Mapping[str, str], halfcells: bool) -> Image:
    if _kitty_through_tmux(env) if tmux else _KITTY_OK.search(raw):
        return "kitty"
    attributes = None if tmux else _DA1.search(raw)
    if attributes and b"4" in attributes[1].split(b";"):
        return "sixel"
    return "halfcell" if halfcells else "none"


def _kitty_through_tmux(env: Mapping[str, str]) -> bool:
    """Ask tmux whether it lets sequences through, and to a terminal that draws them."""
    import subprocess

    pane = ["-t", env["TMUX_PANE"]] if env.get("TMUX_PANE") else []
    asked = ["tmux", "display-message", "-p", *pane, "#{allow-passthrough} #{client_termname}"]
    try:
        said = subprocess.run(
            asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=0.5, check=False,
            env=child_environment(also=("TMUX", "TMUX_PANE", "TMUX_TMPDIR")),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    passthrough, _, client = said.stdout.decode("utf-8", "replace").strip().partition(" ")
    return passthrough in ("1", "on", "all") and any(name in client for name in KITTY_IMAGE_TERMS)


def _cell_pixels(raw: bytes) -> tuple[int, int] | None:
    said = _CELL.search(raw)
    if said and int(said[1]) and int(said[2]):
        return int(said[2]), int(said[1])
    return _cell_pixels_of_window()


def _cell_pixels_of_window() -> tuple[int, int] | None:
    """Work the cell's size out of the window's, which some terminals report to the kernel."""
    import fcntl
    import struct

    try:
        packed = fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8)
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("HHHH", packed)
    return (width // columns, height // rows) if rows and columns and width and height else None


def _reads_utf8(raw: bytes, env: Mapping[str, str]) -> bool:
    """Say whether the terminal reads UTF-8.

    A locale that was set and is another counts. Where none was set, as over SSH without LANG, the
    terminal's own answer does; where it takes a letter of two bytes for two, that counts always.
    """
    said = _CURSOR.search(raw)
    column = int(said[1]) if said else 0
    if column > 2:
        return False
    if env.get("LC_ALL") or _character_type(env) or env.get("LANG"):
        return _is_utf8(env)
    return column == 2


def _is_light(raw: bytes) -> bool:
    """Say whether the terminal's background is light, by its luma (ITU-R BT.601)."""
    said = _BACKGROUND.search(raw)
    if said is None:
        return False
    red, green, blue = (int(each, 16) / (16 ** len(each) - 1) for each in said.groups())
    return bool(0.299 * red + 0.587 * green + 0.114 * blue > 0.5)


def _is_utf8(env: Mapping[str, str]) -> bool:
    """Say whether the user's locale is UTF-8."""
    said = env.get("LC_ALL") or _character_type(env) or env.get("LANG", "")
    return "utf8" in said.lower().replace("-", "")


def _character_type(env: Mapping[str, str]) -> str:
    """Return LC_CTYPE as the user set it.

    Python changes a C locale to LC_CTYPE=C.UTF-8 when it starts (PEP 538), which says nothing
    about the terminal; Linux remembers what it was before.
    """
    kind = env.get("LC_CTYPE", "")
    if kind != "C.UTF-8":
        return kind
    try:
        first = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    return next((os.fsdecode(item[9:]) for item in first if item.startswith(b"LC_CTYPE=")), "")


def _colour(env: Mapping[str, str], term: str) -> Colour:
    if env.get("NO_COLOR") or term in DUMB_TERMS:
        return "none"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "truecolor"
    if term.startswith(TRUECOLOR_TERMS) or term.endswith("-direct"):
        return "truecolor"
    return "256" if "256color" in term else "16"


class LateAnswers:
    """Keeps answers that came after `probe` gave up out of what is typed.

    Works until the last answer (DA1) was seen or 30 s have passed. A piece that may be the begin
    of an answer is buffered until the rest comes, or until nothing came for 0.1 s (a lone
    escape) or 1 s (more than that).
    """

    _ANSWERS = re.compile(
        r"\x1b\[\?[\d;]*c|\x1b\[6;\d+;\d+t|\x1b\[\d+;\d+R|\x1b_G[^\x1b]*\x1b\\"
        r"|\x1b\]11;[^\x07\x1b]*(?:\x07|\x1b\\)"
    )
    _BEGIN = re.compile(
        r"\x1b(\[(\?[\d;]*|\d*|\d+;[\d;]*)|_(G[^\x1b]{0,200}\x1b?)?"
        r"|\](1|11|11;[^\x07\x1b]{0,200}\x1b?)?)?\Z"
    )

    def __init__(
        self, *, expected: bool, seconds: float = LATE_SECONDS,
        on_last: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """`on_last` is called at each last answer (DA1)."""
        self._seconds = seconds
        self._until = 0.0
        self._on_last = on_last
        if expected:
            self.expect()
        self._held = ""
        self._quiet = 0

    def expect(self) -> None:
        """Expect answers from now on. May be called from any thread."""
        self._until = time.monotonic() + self._seconds

    def feed(self, text: str) -> str:
        """Return `text`, with what was buffered before it, without answers."""
        if not self._held and time.monotonic() >= self._until:
            return text
        text, self._held, self._quiet = self._held + text, "", 0
        kept = self._ANSWERS.sub(self._taken, text)
        begin = self._BEGIN.search(kept)
        if begin is None:
            return kept
        self._held = kept[begin.start() :]
        return kept[: begin.start()]

    def tick(self) -> str:
        """Return what was buffered too long; called when nothing came for 0.1 s."""
        self._quiet += 1
        if not self._held or (len(self._held) > 2 and self._quiet < 10):
            return ""
        held, self._held = self._held, ""
        return held

    def _taken(self, answer: re.Match[str]) -> str:
        if answer[0].endswith("c"):
            self._until = 0.0
            self._on_last()
        return ""
