"""What panes cost on the wire: 120x36 in 24-bit colour, through a real pseudo-terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.pty.harness import Terminal
from tests.pty.home import Home

WIDE = (120, 36)
STEP_BYTES, EDGE_BYTES, FOCUS_BYTES = 600, 360, 2458
"""0.5 KB, 0.3 KB and 2 KB, each with a tolerance of 20 %"""
QUIET_SECONDS = 0.7
"""longer than the app waits before it draws a picture, or again after a change of size"""
CORNERS = "╭╮╰╯"
SHOWN = {"8": "listening", "5": "MODEL", "4": "Comparing", "3": "types a query", "2": "Events",
         "1": "nothing running", "7": "PROFILE"}  # fmt: skip
"""each screen but GPU, whose figures change, and words that it shows"""


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
    for key, words in SHOWN.items():
        app.send(key)
        app.wait_for_text(words)
        settle(app)
        began = time.monotonic()
        time.sleep(1.0)
        assert app.bytes_between(began, time.monotonic()) == b"", words
    app.send("d")
    assert app.wait() == 0 and app.left_behind() == []


def test_two_rows_of_chrome_at_every_size_and_no_frame_cut_open(home: Home) -> None:
    app = home.app(size=WIDE, sees="Queue")
    for columns, rows in ((80, 24), (60, 15), (20, 5), WIDE):
        settle(app)
        before = len(app.output)
        app.resize(columns, rows)
        assert app.wait_until(lambda sent=before: len(app.output) > sent)  # type: ignore[misc]
        for key in "257":
            spent(app, key)
            _check(app.screen(), key, columns, rows)
    app.send("d")
    assert app.wait() == 0


def _check(lines: list[str], key: str, columns: int, rows: int) -> None:
    text = "\n".join(lines)
    assert f" {key} " in lines[0] and "? keys" in lines[rows - 1], text
    if columns < 80:
        assert not any(sign in text for sign in CORNERS), text
        return
    assert lines[1].startswith("╭ ") and lines[1].endswith("╮"), text
    assert lines[rows - 2].startswith("╰") and lines[rows - 2].endswith("╯"), text
    assert len({text.count(sign) for sign in CORNERS}) == 1, text
