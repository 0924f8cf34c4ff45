"""What is found out about a terminal, and that asking leaves no trace."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.pty.harness import CELL, DA1, KITTY, Answer, environment, late, spawn
from tui.terminal.probe import BACKGROUND, TWO_BYTES, LateAnswers

SIXEL = Answer(b"\x1b[c", b"\x1b[?62;4;22c")
PRINTS = """
from dataclasses import asdict
from tui.terminal.probe import probe
import sys
facts = asdict(probe(float(sys.argv[1]), images=sys.argv[2] == "images"))
open(sys.argv[3], "w").write(repr(facts))
"""


def found(
    path: Path, answers: Sequence[Answer] = (CELL, DA1), seconds: float = 1.0,
    images: str = "images", **env: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Probe in a terminal of 100 x 30, and return the facts and what was written."""
    argv = [sys.executable, "-c", PRINTS, str(seconds), images, str(path)]
    with spawn(argv, environment(**env), (100, 30), answers) as terminal:
        assert terminal.wait() == 0
        assert terminal.left_behind() == []
        facts: dict[str, Any] = ast.literal_eval(path.read_text())
        return {**facts, "output": terminal.output, "screen": "".join(terminal.screen())}


@pytest.mark.parametrize(
    "answers, image",
    [
        ((CELL, DA1), "halfcell"),
        ((CELL, SIXEL), "sixel"),
        ((KITTY, CELL, SIXEL), "kitty"),
    ],
)
def test_the_way_to_show_pictures(tmp_path: Path, answers: tuple[Answer, ...], image: str) -> None:
    facts = found(tmp_path / "facts", late(answers, 0.15))
    assert facts["image"] == image
    assert (facts["columns"], facts["rows"], facts["cell_pixels"]) == (100, 30, (10, 20))
    assert 150 <= facts["round_trip_ms"] < 900
    assert facts["screen"] == "" and not facts["unanswered"]


def test_no_answer_costs_the_timeout_and_answers_due_are_remembered(tmp_path: Path) -> None:
    facts = found(tmp_path / "facts", (), seconds=0.2)
    assert facts["unanswered"]
    assert (facts["image"], facts["round_trip_ms"], facts["cell_pixels"]) == (
        "halfcell", None, None,
    )  # fmt: skip


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": "linux"}])
def test_nothing_is_asked_where_nothing_would_answer(tmp_path: Path, env: dict[str, Any]) -> None:
    facts = found(tmp_path / "facts", **env)
    assert facts["output"] == b"" and facts["image"] == "none" and not facts["unanswered"]
    assert facts["dumb"] == (env.get("TERM") == "dumb")


def test_without_pictures_nothing_is_asked_about_them(tmp_path: Path) -> None:
    facts = found(tmp_path / "facts", images="none")
    assert b"\x1b_G" not in facts["output"] and b"\x1b[16t" not in facts["output"]
    assert facts["image"] == "none" and facts["screen"] == ""


@pytest.mark.parametrize(
    "env, colour",
    [
        ({}, "truecolor"),
        ({"COLORTERM": None}, "256"),
        ({"COLORTERM": None, "TERM": "xterm"}, "16"),
        ({"COLORTERM": None, "TERM": "xterm-kitty"}, "truecolor"),
        ({"NO_COLOR": "1"}, "none"),
        ({"NO_COLOR": ""}, "truecolor"),
    ],
)
def test_colours(tmp_path: Path, env: dict[str, Any], colour: str) -> None:
    assert found(tmp_path / "facts", images="none", **env)["colour"] == colour


@pytest.mark.parametrize(
    "env, unicode",
    [
        ({}, True),
        ({"LANG": None}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "C", "LC_CTYPE": "UTF-8"}, True),
        ({"LANG": None, "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_ALL": "C"}, False),
        ({"TERM": "linux"}, False),
    ],
)
def test_unicode(tmp_path: Path, env: dict[str, Any], unicode: bool) -> None:
    assert found(tmp_path / "facts", images="none", **env)["unicode"] is unicode


@pytest.mark.parametrize(
    "env, column, unicode",
    [
        ({"LANG": None}, 2, True),  # as over SSH that forwards no locale
        ({"LANG": None}, 3, False),
        ({"LANG": "C"}, 2, False),  # asked for
        ({}, 2, True),
        ({}, 3, False),  # the locale promises what the terminal cannot do
    ],
)
def test_the_terminal_shows_whether_it_reads_utf8(
    tmp_path: Path, env: dict[str, Any], column: int, unicode: bool
) -> None:
    cursor = Answer(TWO_BYTES, f"\x1b[7;{column}R".encode())
    facts = found(tmp_path / "facts", (cursor, DA1), **env)
    assert facts["unicode"] is unicode and facts["screen"] == ""


@pytest.mark.parametrize(
    "said, light",
    [
        (b"rgb:ffff/ffff/ffff\x1b\\", True), (b"rgb:fb/fa/f7\x07", True),
        (b"rgb:0d0d/1111/1717\x1b\\", False), (b"rgba:f/f/f/f\x1b\\", True), (b"?\x07", False),
    ],
)  # fmt: skip
def test_a_light_background_is_noticed(tmp_path: Path, said: bytes, light: bool) -> None:
    facts = found(tmp_path / "facts", (Answer(BACKGROUND, b"\x1b]11;" + said), DA1))
    assert facts["light"] is light


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux")
def test_in_tmux_pictures_are_half_cells_and_the_link_is_not_timed(tmp_path: Path) -> None:
    path = tmp_path / "facts"
    inner = [sys.executable, "-c", PRINTS, "1.0", "images", str(path)]
    socket = str(tmp_path / "tmux")
    argv = ["tmux", "-S", socket, "-f", "/dev/null", "new-session", *inner]
    with spawn(argv, environment(LC_ALL="C.UTF-8")) as terminal:
        assert terminal.wait() == 0
    facts = ast.literal_eval(path.read_text())
    assert facts["tmux"] and facts["image"] == "halfcell" and facts["round_trip_ms"] is None


def test_stdin_that_is_no_terminal_is_asked_nothing(tmp_path: Path) -> None:
    path = tmp_path / "facts"
    done = subprocess.run(
        [sys.executable, "-c", PRINTS, "1.0", "images", str(path)],
        stdin=subprocess.DEVNULL, capture_output=True, check=True, env=environment(),
    )  # fmt: skip
    facts = ast.literal_eval(path.read_text())
    assert done.stdout == b"" and not facts["is_tty"]
    assert (facts["columns"], facts["rows"]) == (80, 24)


# Late answers


def test_late_answers_are_found_however_they_arrive() -> None:
    typed = (
        "a\x1b_Gi=31;OK\x1b\\b\x1b[6;20;10tc\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[12;2R"
        "\x1b[?62;4;22cd"
    )
    for cut in range(len(typed)):
        late_answers = LateAnswers(expected=True)
        kept = late_answers.feed(typed[:cut]) + late_answers.feed(typed[cut:])
        assert kept + late_answers.tick() == "abcd", cut


def test_keys_pass_and_escape_waits_one_tick_at_most() -> None:
    late_answers = LateAnswers(expected=True)
    assert late_answers.feed("\x1b[A\x1b[6~\x1bOPx") == "\x1b[A\x1b[6~\x1bOPx"
    assert late_answers.feed("\x1b") == ""
    assert late_answers.tick() == "\x1b"
    assert late_answers.feed("\x1b[") + late_answers.feed("B") == "\x1b[B"


def test_after_the_last_answer_nothing_is_held_back() -> None:
    late_answers = LateAnswers(expected=True)
    late_answers.feed("\x1b[?62c")
    assert late_answers.feed("\x1b") == "\x1b"
    assert LateAnswers(expected=False).feed("\x1b") == "\x1b"
