"""What is on the screen is what the app draws and nothing else, on good links and bad."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pty.harness import (
    CELL,
    DA1,
    IN_BAND,
    KITTY,
    ROOT,
    SYNC,
    Terminal,
    environment,
    late,
    modes_after,
)
from tests.pty.small_app import KEYS
from tui.terminal.link_speed import QUESTION
from tui.terminal.probe import TWO_BYTES

Start = Callable[..., Terminal]
WIDE = (160, 48)


# What reaches the screen


def test_noise_of_native_code_is_in_the_log_and_never_on_the_screen(
    start: Start, log: Path
) -> None:
    terminal = start()
    before = terminal.screen()[1:]
    terminal.send(KEYS["noise"])
    terminal.wait_for_text("noisy")
    assert terminal.wait_until(lambda: "noise from a thread" in log.read_text())
    assert terminal.screen()[1:] == before
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3 and terminal.restored()
    assert b"noise" not in terminal.output
    for source in ("on one", "on two", "from C", "from perror", "from an old handler"):
        assert f"noise {source}" in log.read_text()


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_late_answers_are_not_typed(start: Start, seconds: float) -> None:
    """The first come while Textual loads, the others into the focused input."""
    terminal = start(answers=late((KITTY, CELL, DA1), seconds), PROBE_SECONDS="0.1")
    time.sleep(seconds)
    terminal.send("typed")
    terminal.wait_for_text("typed")
    assert [line for line in terminal.screen() if "typed" in line] == ["  typed"]
    terminal.send("\x1b")
    terminal.wait_for_text("escaped")
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3 and terminal.restored()
    assert terminal.text() == ""


def test_quitting_at_once_over_a_slow_link_leaves_no_answers_to_the_shell(start: Start) -> None:
    terminal = start(answers=late((CELL, DA1, SYNC, IN_BAND), 0.4))
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3
    time.sleep(0.5)
    assert terminal.text() == "" and terminal.left_behind() == []


@pytest.mark.parametrize("env", [{"LANG": "C"}, {"LANG": None}, {"TERM": "linux"}])
def test_without_utf8_only_ascii_is_sent(start: Start, env: dict[str, Any]) -> None:
    terminal = start(**env)
    assert "caf? ??" in terminal.screen()
    asked = 0 if "TERM" in env else 1  # one letter asks whether a terminal reads UTF-8
    assert terminal.output.count(TWO_BYTES) == asked
    assert terminal.output.replace(TWO_BYTES, b"").isascii()


def test_frames_are_fewer_over_ssh_and_nothing_is_animated(start: Start) -> None:
    assert "60 fps, none" in start().text()
    assert "15 fps, none" in start(SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22").text()


def test_no_color_sends_no_colours(start: Start) -> None:
    coloured, plain = start(), start(NO_COLOR="1")
    assert b"[38;2;" in coloured.output or b"[48;2;" in coloured.output
    sent = set(re.findall(rb"\x1b\[([\d;]*)m", plain.output))
    assert sent <= {b"0", b"39;49"}
    assert "none" in plain.screen()[1]


@pytest.mark.parametrize("term", ["dumb", None])
def test_a_terminal_that_cannot_show_it_is_told_in_one_line(start: Start, term: str | None) -> None:
    terminal = start(ready=False, TERM=term)
    assert terminal.wait() == 4
    named = "TERM=dumb" if term else "an unset TERM"
    wanted = f"sightline: {named} cannot show the app: use `--no-ui`, or `sightline status`"
    assert terminal.output.decode() == wanted + "\r\n"


def test_a_pipe_is_told_in_one_line(log: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.pty.small_app", str(log)],
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (4, b"")
    assert done.stderr.decode().count("\n") == 1 and "--no-ui" in done.stderr.decode()


# Links and windows


def test_a_stalled_link_does_not_stop_the_app_and_the_screen_recovers(start: Start) -> None:
    terminal = start(size=WIDE)
    terminal.send(KEYS["tick"])
    terminal.wait_for_text("ab ab")
    before = ticks(terminal)
    with terminal.stalled():
        time.sleep(2.5)
        terminal.send("typed")
        time.sleep(0.5)
    # What was drawn once, and skipped, is there all the same.
    terminal.wait_for_text("typed")
    # 60 in three seconds, had nothing stopped it; the queues fill up within the first second, so
    # that an app which waits for the link has some 20.
    assert ticks(terminal) - before > 35
    assert "café ██" in terminal.screen()
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3 and terminal.restored()


def test_a_slow_link_shows_what_is_true_now(start: Start) -> None:
    """The app draws some 150 KB a second and the link takes 40, yet no backlog builds up."""
    terminal = start(size=WIDE)
    with terminal.slowed(40_000):
        terminal.send(KEYS["tick"])
        time.sleep(4)
        terminal.send("typed")
        terminal.wait_for_text("typed", 8)  # with a backlog, it would take eleven seconds
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3 and terminal.restored()


def test_the_speed_of_a_link_is_measured_and_no_answer_reaches_the_shell(start: Start) -> None:
    terminal = start(size=WIDE, SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22")
    with terminal.slowed(40_000):
        terminal.send(KEYS["tick"])
        assert terminal.wait_until(lambda: 20_000 < speed(terminal) < 60_000, 20)
        terminal.send(KEYS["quit"])
        assert terminal.wait() == 3 and terminal.restored()
    assert terminal.output.count(QUESTION) > 1
    assert terminal.typed_ahead() == b""


def test_who_is_not_far_away_is_asked_nothing_again(start: Start) -> None:
    terminal = start(size=WIDE)
    terminal.send(KEYS["tick"])
    terminal.wait_for_text("60 ab ab")
    assert terminal.output.count(QUESTION) == 1


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_obeyed_while_the_link_is_stalled(
    start: Start, number: signal.Signals, code: int
) -> None:
    terminal = start(size=WIDE)
    terminal.send(KEYS["tick"])
    terminal.wait_for_text("ab ab")
    with terminal.stalled():
        time.sleep(1.5)
        terminal.signal(number)
        assert terminal.process.wait(4) == code
    terminal.wait()
    assert terminal.left_behind() == []


def test_resizing(start: Start) -> None:
    terminal = start(COLUMNS="10", LINES="3")
    terminal.wait_for_text("size 80x24")
    for step in range(30):
        terminal.resize(30 + 3 * step % 70, 8 + step % 17)
        time.sleep(0.01)
    terminal.resize(20, 5)
    terminal.wait_for_text("size 20x5")
    terminal.resize(100, 30)
    terminal.wait_for_text("size 100x30")
    # The scroll bar of the small screen goes with the next picture.
    assert terminal.wait_until(lambda: "café ██" in terminal.screen(), 5)


def test_a_new_size_is_noticed_without_a_signal(start: Start) -> None:
    """None comes where the terminal is not the controlling one."""
    terminal = start(controlling=False)
    terminal.resize(40, 10)
    terminal.wait_for_text("size 40x10")


def test_the_mouse_can_be_off_and_be_switched_off(start: Start) -> None:
    without = start("no-mouse")
    assert not any(modes_after(without.output)[mode] for mode in (1000, 1003, 1006))
    terminal = start()
    assert modes_after(terminal.output)[1000]
    terminal.send(KEYS["no mouse"])
    terminal.wait_for_text("mouse off")
    assert not any(modes_after(terminal.output)[mode] for mode in (1000, 1003, 1006))
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3 and terminal.restored()


def speed(terminal: Terminal) -> int:
    """Return the bytes a second that the app measured, 0 while it has not."""
    found = re.search(r"speed (\d+)", terminal.text())
    return int(found[1]) if found else 0


def ticks(terminal: Terminal) -> int:
    return int(next(line for line in terminal.screen() if "ab ab" in line).split()[0])
