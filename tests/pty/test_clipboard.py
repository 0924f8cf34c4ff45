"""Copying reaches the terminal as far as it lets it, and a file in any case."""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path

import pytest

from tests.pty.harness import environment, spawn
from tests.pty.small_app import KEYS
from tui.terminal.clipboard import MAX_BYTES, copy

# What is left of `small_screen.COPIED` when nothing in it can be obeyed.
HARMLESS = "cam1.mp4@00:22:14\té�]52;c;!�\nsecond line"
RAW = b"\x1b]52;c;" + base64.b64encode(HARMLESS.encode()) + b"\x07"
WRAPPED = b"\x1bPtmux;\x1b" + RAW + b"\x1b\\"


@pytest.mark.parametrize("tmux", [False, True])
def test_copying_from_the_app(tmp_path: Path, tmux: bool) -> None:
    argv = [sys.executable, "-m", "tests.pty.small_app", str(tmp_path / "log")]
    env = environment(TMUX="/nowhere,1,0" if tmux else None)
    with spawn(argv, env) as terminal:
        terminal.wait_for_text("ready")
        terminal.send(KEYS["copy"])
        terminal.wait_for_text("Copied")
        assert terminal.output.count(RAW) == 1 + tmux
        assert (WRAPPED in terminal.output) == tmux
    kept = tmp_path / "clipboard.txt"
    assert kept.read_text() == HARMLESS
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux")
@pytest.mark.parametrize(
    "settings, arrives",
    [
        ("", False),
        ("set -s set-clipboard on", True),
        ("set -g allow-passthrough on", True),
    ],
)
def test_copying_through_tmux(tmp_path: Path, settings: str, arrives: bool) -> None:
    conf = tmp_path / "tmux.conf"
    conf.write_text(settings)
    inner = [sys.executable, "-m", "tests.pty.small_app", str(tmp_path / "log")]
    outer = ["tmux", "-S", str(tmp_path / "socket"), "-f", str(conf), "new-session", *inner]
    with spawn(outer, environment(LC_ALL="C.UTF-8")) as terminal:
        terminal.wait_for_text("ready")
        terminal.send(KEYS["copy"])
        terminal.wait_for_text("Copied")
        sent = base64.b64encode(HARMLESS.encode())
        assert terminal.wait_until(lambda: sent in terminal.output, 1.0) == arrives
        terminal.send(KEYS["quit"])
        terminal.wait()
    assert (tmp_path / "clipboard.txt").read_text() == HARMLESS


def test_a_long_text_is_only_in_the_file(tmp_path: Path) -> None:
    sent: list[str] = []
    report = copy(sent.append, "x" * (MAX_BYTES + 1), tmp_path / "new")
    assert sent == [] and "74,995 bytes" in report
    assert (tmp_path / "new" / "clipboard.txt").stat().st_size == MAX_BYTES + 1
    copy(sent.append, "x" * MAX_BYTES, tmp_path / "new")
    assert len(sent[0]) <= 100_000


def test_no_file_is_said_and_the_terminal_gets_it_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sent: list[str] = []
    report = copy(sent.append, "text", tmp_path / "file" / "state")
    assert len(sent) == 1 and "not in a file: Not a directory" in report
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
