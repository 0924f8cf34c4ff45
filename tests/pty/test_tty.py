"""The terminal is the user's again on every way out, and nothing reaches it that should not."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.pty.harness import (
    ANSWERS,
    CELL,
    DA1,
    IN_BAND,
    KITTY,
    ROOT,
    SYNC,
    Answer,
    Terminal,
    environment,
    late,
    modes_after,
    spawn,
)
from tests.pty.small_app import KEYS
from tests.pty.small_screen import SECRET

Start = Callable[..., Terminal]
WIDE = (160, 48)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "state" / "app.log"


@pytest.fixture
def start(log: Path, request: pytest.FixtureRequest) -> Start:
    def begin(
        *args: str, size: tuple[int, int] = (80, 24), answers: Sequence[Answer] = ANSWERS,
        ready: bool = True, **env: str | None,
    ) -> Terminal:  # fmt: skip
        argv = [sys.executable, "-m", "tests.pty.small_app", str(log), *args]
        terminal = spawn(argv, environment(**env), size, answers)
        request.addfinalizer(terminal.close)
        if ready:
            terminal.wait_for_text(f"size {size[0]}x{size[1]}")
        return terminal

    return begin


def written(terminal: Terminal) -> list[str]:
    """Return what is on the screen, blank lines left out and wrapped lines joined."""
    return [line for line in "".join(terminal.screen()).split("\n") if line]


# Ways out


@pytest.mark.parametrize(
    "size, answers", [((80, 24), ANSWERS), ((20, 5), (CELL, DA1, SYNC, IN_BAND))]
)
def test_quitting_gives_the_terminal_back_and_the_apps_own_code(
    start: Start, size: tuple[int, int], answers: Sequence[Answer]
) -> None:
    terminal = start(size=size, answers=answers)
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3
    assert terminal.left_behind() == []
    assert written(terminal) == []
    # From the first frame on, nothing is drawn below the last row.
    assert max(map(int, re.findall(rb"\x1b\[(\d+);\d+H", terminal.output))) <= size[1]


@pytest.mark.parametrize(
    "key, code, line",
    [
        ("crash", 70, "sightline: a defect of ours: RuntimeError: it broke�[31m, with 7 letters"),
        ("crash in a worker", 70, "sightline: a defect of ours: ValueError: the worker broke"),
        ("tell", 4, "sightline: library.db cannot be read: restore it from a copy"),
        ("interrupt", 130, ""),
    ],
)
def test_a_crash_is_one_line_and_the_rest_is_in_the_log(
    start: Start, log: Path, key: str, code: int, line: str
) -> None:
    log.parent.mkdir()
    log.touch(0o644)
    terminal = start()
    terminal.send(KEYS[key])
    assert terminal.wait() == code
    assert terminal.left_behind() == []
    details = f"; details in {log}" if code == 70 else ""
    assert "".join(terminal.screen()) == line + details
    told = log.read_text()
    assert ("Traceback" in told) == (key != "interrupt")
    assert SECRET not in told and "\x1b" not in told
    assert b"Traceback" not in terminal.output and SECRET.encode() not in terminal.output
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "number, code",
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131)],
)
def test_a_signal_gives_the_terminal_back_in_silence(
    start: Start, log: Path, number: signal.Signals, code: int
) -> None:
    terminal = start()
    terminal.signal(number)
    assert terminal.wait() == code
    assert terminal.left_behind() == []
    assert written(terminal) == [] and log.read_text() == ""


@pytest.mark.parametrize("controlling", [True, False])
def test_a_closed_terminal_ends_the_app_quietly(log: Path, controlling: bool) -> None:
    """With and without the kernel's SIGHUP, which nohup and some containers swallow."""
    argv = [sys.executable, "-m", "tests.pty.small_app", str(log)]
    with spawn(argv, controlling=controlling) as terminal:
        terminal.wait_for_text("ready")
        terminal.hang_up()
        assert terminal.wait(3) == 129
    assert log.read_text() == ""


def test_a_stuck_app_is_ended_all_the_same(start: Start) -> None:
    terminal = start()
    terminal.send(KEYS["stuck"])
    terminal.wait_for_text("stuck")
    time.sleep(0.3)
    terminal.signal(signal.SIGTERM)
    assert terminal.wait(4) == 143
    assert terminal.left_behind() == []


def test_a_signal_while_the_app_is_made_or_the_terminal_is_asked(start: Start) -> None:
    making = start(ready=False, MAKING_SECONDS="20")
    assert making.wait_until(lambda: b"\x1b[c" in making.output)
    time.sleep(0.3)
    asking = start(ready=False, answers=(), PROBE_SECONDS="20")
    assert asking.wait_until(lambda: b"\x1b[c" in asking.output)
    for terminal in (making, asking):
        terminal.signal(signal.SIGTERM)
        assert terminal.wait(3) == 143
        assert terminal.left_behind() == []


def test_busy_threads_do_not_hold_up_the_end(start: Start) -> None:
    terminal = start()
    terminal.send(KEYS["busy"])
    terminal.wait_for_text("busy")
    before = time.monotonic()
    terminal.send(KEYS["quit"])
    assert terminal.wait(5) == 3
    assert time.monotonic() - before < 1.0


def test_sigkill_leaves_the_terminal_as_it_was_and_that_is_noticed(start: Start) -> None:
    """Nothing can be done about it (`reset` mends it); it shows that the other tests can fail."""
    terminal = start()
    terminal.signal(signal.SIGKILL)
    assert terminal.wait() == -signal.SIGKILL
    assert {"mode 1049", "mode 1000", "mode 25", "termios"} <= set(terminal.left_behind())


def test_a_crash_of_native_code_is_in_the_log(start: Start, log: Path) -> None:
    terminal = start()
    terminal.signal(signal.SIGSEGV)
    assert terminal.wait() == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in log.read_text()
    assert b"Fatal" not in terminal.output


# Stopping for a while


def test_ctrl_z_is_a_key_and_a_stop_from_outside_is_undone(start: Start) -> None:
    terminal = start()
    terminal.send("\x1abefore")
    terminal.wait_for_text("before")
    terminal.signal(signal.SIGTSTP)
    assert terminal.wait_until(lambda: state_of(terminal.process) == "T", 5)
    assert terminal.left_behind() == []
    terminal.signal(signal.SIGCONT)
    terminal.wait_for_text("before")
    terminal.send(" after")
    terminal.wait_for_text("before after")
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3 and terminal.restored()


def test_another_program_gets_the_terminal_and_gives_it_back(start: Start, log: Path) -> None:
    terminal = start()
    terminal.send(KEYS["suspend"])
    terminal.wait_for_text("outside")
    assert terminal.left_behind() == []
    terminal.wait_for_text("ready")
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3 and terminal.restored()
    assert log.read_text() == "printed by Python\n"


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
    assert written(terminal) == []


def test_quitting_at_once_over_a_slow_link_leaves_no_answers_to_the_shell(start: Start) -> None:
    terminal = start(answers=late((CELL, DA1, SYNC, IN_BAND), 0.4))
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3
    time.sleep(0.5)
    assert written(terminal) == [] and terminal.restored()


@pytest.mark.parametrize("env", [{"LANG": "C"}, {"LANG": None}, {"TERM": "linux"}])
def test_without_utf8_only_ascii_is_sent(start: Start, env: dict[str, Any]) -> None:
    terminal = start(**env)
    assert "caf? ??" in terminal.screen()
    assert terminal.output.isascii()


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
    # 20 a second, had nothing stopped it; the queues fill up within the first second.
    assert ticks(terminal) - before > 50
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
        terminal.wait_for_text("typed", 5)
    terminal.send(KEYS["quit"])
    assert terminal.wait() == 3 and terminal.restored()


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
    assert "café ██" in terminal.screen()


def test_a_new_size_is_noticed_without_a_signal(log: Path) -> None:
    """None comes where the terminal is not the controlling one."""
    argv = [sys.executable, "-m", "tests.pty.small_app", str(log)]
    with spawn(argv, controlling=False) as terminal:
        terminal.wait_for_text("size 80x24")
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


# The log, and what is loaded


def test_a_log_that_cannot_be_written_is_written_elsewhere(start: Start, log: Path) -> None:
    log.parent.write_text("a file where the folder should be")
    terminal = start()
    terminal.send(KEYS["crash"])
    assert terminal.wait() == 70
    elsewhere = Path("".join(terminal.screen()).partition("details in ")[2])
    assert "Traceback" in elsewhere.read_text()
    assert elsewhere.stat().st_mode & 0o777 == 0o600
    elsewhere.unlink()


def test_the_layer_loads_no_textual_before_it_is_told() -> None:
    code = "import sys, tui.tty, tui.probe, tui.clipboard; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"False\n"


def ticks(terminal: Terminal) -> int:
    return int(next(line for line in terminal.screen() if "ab ab" in line).split()[0])


def state_of(process: subprocess.Popen[bytes]) -> str:
    done = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process.pid)], capture_output=True, check=False
    )
    return os.fsdecode(done.stdout)[:1]
