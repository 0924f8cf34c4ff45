"""The terminal is the user's again on every way out, and nothing reaches it that should not."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.pty.harness import (
    ANSWERS,
    CELL,
    DA1,
    IN_BAND,
    ROOT,
    SYNC,
    Answer,
    Terminal,
)
from tests.pty.small_app import KEYS
from tests.pty.small_screen import SECRET, Small
from tui.terminal.probe import probe

Start = Callable[..., Terminal]


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
    assert terminal.text() == ""
    # From the first frame on, nothing is drawn below the last row.
    assert max(map(int, re.findall(rb"\x1b\[(\d+);\d+H", terminal.output))) <= size[1]


@pytest.mark.parametrize(
    "key, code, line",
    [
        ("crash", 70, "sightline: internal error: RuntimeError: it broke�[31m, with 7 letters"),
        ("crash in a worker", 70, "sightline: internal error: ValueError: the worker broke"),
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
    # A space at the end of a row is not on the screen.
    assert terminal.text().replace(" ", "") == (line + details).replace(" ", "")
    report = log.read_text()
    assert ("Traceback" in report) == (key != "interrupt")
    assert SECRET not in report and "\x1b" not in report
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
    assert terminal.text() == "" and log.read_text() == ""


@pytest.mark.parametrize("controlling", [True, False])
def test_a_closed_terminal_ends_the_app_quietly(start: Start, log: Path, controlling: bool) -> None:
    """With and without the kernel's SIGHUP, which nohup and some containers swallow."""
    terminal = start(controlling=controlling)
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


def test_a_signal_while_the_app_is_made_or_the_terminal_is_asked(start: Start, log: Path) -> None:
    making = start(ready=False, MAKING_SECONDS="20")
    assert making.wait_until(log.exists)
    time.sleep(0.2)
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
    assert terminal.wait(20) == 3
    assert time.monotonic() - before < 10  # they would take thirty seconds


def test_sigkill_leaves_the_terminal_as_it_was_and_that_is_noticed(start: Start) -> None:
    """Nothing can be done about it (`reset` repairs it); it shows that the other tests can fail."""
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


# The log, and what is loaded


def test_a_log_that_cannot_be_written_is_written_elsewhere(start: Start, log: Path) -> None:
    log.parent.write_text("a file where the folder should be")
    terminal = start()
    terminal.send(KEYS["crash"])
    assert terminal.wait() == 70
    elsewhere = Path(terminal.text().partition("/")[1] + terminal.text().partition("/")[2])
    assert "Traceback" in elsewhere.read_text()
    assert elsewhere.stat().st_mode & 0o777 == 0o600
    elsewhere.unlink()


def test_the_layer_loads_no_textual_before_it_is_told() -> None:
    layer = "tui.terminal.tty, tui.terminal.probe, tui.terminal.clipboard"
    code = f"import sys, {layer}; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"False\n"


def test_under_pilot_what_went_wrong_is_raised(tmp_path: Path) -> None:
    async def main() -> None:
        async with Small(probe(), tmp_path).run_test() as pilot:
            await pilot.press("f1")

    with pytest.raises(RuntimeError, match="it broke"):
        asyncio.run(main())


def state_of(process: subprocess.Popen[bytes]) -> str:
    done = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process.pid)], capture_output=True, check=False
    )
    return os.fsdecode(done.stdout)[:1]
