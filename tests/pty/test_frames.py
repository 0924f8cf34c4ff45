"""What panes cost on the wire: 120x36 in 24-bit colour, through a real pseudo-terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.pty.harness import Answer, Terminal
from tests.pty.home import Home
from tui.terminal.probe import BACKGROUND

WIDE = (120, 36)
STEP_BYTES, EDGE_BYTES, FOCUS_BYTES = 500, 300, 2048
QUIET_SECONDS = 0.7


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with Home(tmp_path_factory.mktemp("frames")) as home:
        yield home


def settle(app: Terminal) -> None:
    assert app.wait_until(lambda: time.monotonic() - app.received[-1][0] > QUIET_SECONDS, 30)


def spent(app: Terminal, keys: str) -> int:
    """Return how many bytes some keys cost, until nothing more comes."""
    settle(app)
    before = len(app.output)
    app.send(keys)
    assert app.wait_until(lambda: len(app.output) > before)
    settle(app)
    return len(app.output) - before


def test_a_step_and_a_change_of_focus_cost_little_and_nothing_costs_nothing(home: Home) -> None:
    app = home.app(size=WIDE, sees="nothing running")
    app.send("7")
    app.wait_for_text("PROFILE")
    settle(app)
    assert 0 < spent(app, "\t") <= FOCUS_BYTES
    assert 0 < spent(app, "j") <= STEP_BYTES + EDGE_BYTES
    for key, shown in (("8", "listening"), ("5", "MODEL"), ("4", "Comparing"), ("3", "Search is"),
                       ("2", "Events"), ("1", "nothing running"), ("7", "PROFILE")):  # fmt: skip
        app.send(key)
        app.wait_for_text(shown)
        settle(app)
        began = time.monotonic()
        time.sleep(1.0)
        assert app.bytes_between(began, time.monotonic()) == b"", shown
    app.send("d")
    assert app.wait() == 0 and app.left_behind() == []


def test_two_rows_of_chrome_at_every_size_and_no_frame_cut_open(home: Home) -> None:
    app = home.app(size=WIDE, sees="Queue")
    for columns, rows in ((120, 36), (80, 24), (60, 15), (80, 24), (120, 36)):
        app.resize(columns, rows)
        for key in "12345678":
            app.send(key)
            settle(app)
            lines = app.screen()
            assert f"{key} " in lines[0] and "? keys" in lines[rows - 1]
            if columns < 80:
                assert not any(sign in line for line in lines for sign in "╭╮╰╯")
            else:
                assert lines[1].startswith("╭ ") and lines[1].endswith("╮")
                assert lines[rows - 2].startswith("╰") and lines[rows - 2].endswith("╯")
                opened, closed = ("".join(lines).count(sign) for sign in "╭╯")
                assert opened == closed
    app.send("d")
    assert app.wait() == 0


@pytest.mark.parametrize(
    "written, said, page",
    [
        ('theme = "paper"\n', b"", b"48;2;251;250;247"),
        ("", b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", b"48;2;251;250;247"),
        ('theme = "contrast"\n', b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", b"48;2;0;0;0"),
        ("", b"\x1b]11;rgb:0000/0000/0000\x1b\\", b"48;2;13;17;23"),
    ],
)
def test_the_theme_of_the_settings_else_what_suits_the_terminal(
    home: Home, written: str, said: bytes, page: bytes
) -> None:
    home.cli.config.mkdir(exist_ok=True)
    (home.cli.config / "settings.toml").write_text(written)
    answers = (Answer(BACKGROUND, said),) if said else ()
    app = home.app(answers=answers, sees="Queue")
    assert page in app.output
    app.send("d")
    assert app.wait() == 0 and app.left_behind() == []
