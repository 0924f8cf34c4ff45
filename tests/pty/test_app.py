"""`sightline` itself, its engine and a scan: the work continues without the terminal."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pty.harness import Terminal, modes_after
from tests.pty.home import SMALL, Home
from tests.sharing import once
from tests.workbench import STROKES
from tui.terminal.probe import TWO_BYTES
from tui.widgets.picture_cells import SHAPES

Rows = list[dict[str, Any]]
WIDE = (160, 48)
AT_WORK = " run    "
"""how the Queue shows a source that is being read"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A library whose engine runs all the time, so that not every test has to wait for one."""
    with Home(tmp_path_factory.mktemp("home")) as home:
        first = home.app(sees="nothing running")
        first.send("d")
        assert first.wait() == 0
        yield home


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Home]:
    """A library that was never used."""
    with Home(tmp_path) as home:
        yield home


@pytest.fixture(scope="session")
def headless(long_storm: Path, shared: Path) -> Rows:
    """What a scan finds in the long clip when nobody looks at it."""

    def make(folder: Path) -> None:
        with Home(folder) as home:
            assert home.cli("scan", long_storm, "--profile", "storm").code == 0
            terminal = home.app(sees="nothing running")
            (folder / "rows.json").write_text(json.dumps(home.found()))
            terminal.send("q")
            assert terminal.wait() == 0

    rows: Rows = json.loads((once(shared / "headless", make) / "rows.json").read_text())
    assert len(rows) == 12 * STROKES
    return rows


# Leaving and coming back


def test_a_scan_goes_on_when_the_app_is_left_and_is_there_when_one_comes_back(
    fresh: Home, long_storm: Path, headless: Rows
) -> None:
    app = fresh.app("scan", long_storm, *SMALL, sees=AT_WORK)
    engine = fresh.engine()
    with fresh.held():
        app.send("d")
        assert app.wait() == 0
        assert app.left_behind() == [] and "continues in the engine" in app.text()
        assert fresh.at_work() == ["running"]
    assert fresh.finished()["state"] == "done"
    again = fresh.app(sees="done  1 of 1")
    again.send("2")
    again.wait_for_text(f" 1 of {12 * STROKES} ")
    assert fresh.engine() == engine
    assert fresh.found() == headless
    again.send("d")
    assert again.wait() == 0 and again.restored()
    third = fresh.app(sees=f" 1 of {12 * STROKES} ")
    assert any("2 Results" in line for line in third.screen())


@pytest.mark.parametrize(
    "way, code", [("SIGTERM", 143), ("SIGHUP", 129), ("closed", 129), ("SIGKILL", -9)]
)
def test_however_the_app_ends_the_scan_is_finished_and_nothing_is_lost(
    home: Home, long_storm: Path, headless: Rows, way: str, code: int
) -> None:
    app = home.app("scan", home.clip(long_storm, f"{way}.mp4"), *SMALL, sees=AT_WORK)
    with home.held():
        if way == "closed":
            app.hang_up()
        else:
            app.signal(signal.Signals[way])
        assert app.wait() == code
        assert home.at_work() == ["running"]
    if way.startswith("SIG") and way != "SIGKILL":
        assert app.left_behind() == [] and app.text() == ""
    done = home.finished()
    assert (done["state"], done["done"]) == ("done", 1)
    assert home.found() == headless


def test_two_look_at_once_and_quitting_may_stop_the_scan_which_then_can_be_resumed(
    fresh: Home, long_storm: Path, headless: Rows
) -> None:
    first = fresh.app("scan", long_storm, *SMALL, sees=AT_WORK)
    first.send("p")  # until the second is there
    first.wait_for_text(" paused ")
    second = fresh.app("--readonly", sees=" paused ")
    second.send("p")
    second.wait_for_text("changes are not allowed")
    assert fresh.at_work() == ["paused"]
    first.send("p")
    first.wait_for_text(AT_WORK)
    with fresh.held():
        first.send("q")
        first.wait_for_text("Stop now")
        second.send("q")  # it only looks, so it is not asked
        assert second.wait() == 0 and second.restored()
        assert fresh.at_work() == ["running"]
    first.send("now\r")
    assert first.wait() == 0 and first.restored()
    assert fresh.engine() is None
    resumed = fresh.cli("runs", "resume", "1", "--json")
    assert resumed.code == 0
    # Not from the beginning: what was done before it was stopped is kept.
    assert resumed.of("BatchDone")[0]["frames"] > 16
    assert fresh.app(sees="done  1 of 1") and fresh.found() == headless


# Terminals that can do little


@pytest.mark.parametrize("term", ["dumb", None])
def test_a_terminal_that_can_show_nothing_gets_text_only(fresh: Home, term: str | None) -> None:
    app = fresh.app(sees="", TERM=term)
    assert app.wait() == 2
    assert b"Usage: sightline" in app.output and b"\x1b" not in app.output
    assert fresh.engine() is None


def test_without_a_terminal_there_is_help_and_a_scan_is_headless(fresh: Home, storm: Path) -> None:
    bare = fresh.cli()
    assert bare.code == 2 and "Usage:" in bare.err and b"\x1b" not in bare.raw_err
    ran = fresh.cli("scan", storm, "--profile", "storm")
    assert ran.code == 0 and len(ran.out.splitlines()) == STROKES
    assert fresh.engine() is None


def test_a_tiny_terminal_is_enough_to_look_and_to_leave(home: Home) -> None:
    app = home.app(size=(20, 5))
    for key in "25678?":
        before = len(app.received)
        app.send(key)
        assert app.wait_until(lambda before=before: len(app.received) > before)  # type: ignore[misc]
    app.send("\x1b")
    app.resize(80, 24)
    app.wait_for_text("8 Log")
    app.resize(20, 5)
    app.send("1d")
    assert app.wait() == 0 and app.left_behind() == []


def test_without_utf8_only_ascii_is_on_the_wire(home: Home) -> None:
    app = home.app(LC_ALL="POSIX", size=WIDE)
    tour(app)
    assert app.output.count(TWO_BYTES) == 1  # one letter asks whether the terminal reads UTF-8
    assert app.output.replace(TWO_BYTES, b"").isascii()


def test_with_ascii_no_other_byte_is_on_the_wire(home: Home) -> None:
    app = home.app("--ascii", size=WIDE)
    tour(app)
    assert app.output.isascii()


def test_without_colours_none_is_on_the_wire(home: Home) -> None:
    app = home.app(NO_COLOR="1", size=WIDE)
    tour(app)
    styles = re.findall(rb"\x1b\[([\d;]*)m", app.output)
    codes = {int(code or b"0") for style in styles for code in style.split(b";")}
    assert codes and not codes & {*range(30, 39), *range(40, 49), *range(90, 108)}


def tour(app: Terminal) -> None:
    """Look at every screen, the menu and a list to choose from, and leave."""
    for key, shown in (("2", "newest scan"), ("5", "MODEL"), ("6", "GPU"), ("7", "PROFILE"),
                       ("8", "listening"), ("1", "nothing running")):  # fmt: skip
        app.send(key)
        app.wait_for_text(shown)
    app.send("?")
    app.wait_for_text("Available actions")
    app.send("\x1b")
    assert app.wait_until(lambda: "Available actions" not in app.text())
    app.send("d")
    assert app.wait() == 0 and app.left_behind() == []


# What comes from outside


HOSTILE = (
    "\x1b]52;c;RVZJTA==\x07\x1b[31;5mred\x1b[2J\x9b31m\n<two>\u202egnp.\u200b"
    "[x][bold]e\u0301\u0301\u0301\u0301.mp4"
)
RAW = ("\x1b]52", "==\x07", "\x1b[31;5m", "red\x1b", "\x9b", "\n<two>", "\u202e", "\u200b",
       "\u0301\u0301\u0301")  # fmt: skip


def test_a_hostile_file_name_is_shown_and_obeyed_by_nobody(home: Home, storm: Path) -> None:
    clip = home.clip(storm, HOSTILE.encode())
    app = home.app("scan", clip, "--profile", "storm", size=WIDE, sees="done  1 of 1")
    for key, shown in (("2", " 1 of 5 "), ("c", "path: ")):
        app.send(key)
        app.wait_for_text(shown)
        app.wait_for_text("]52;c;")
    app.send("\x1b")
    assert app.wait_until(lambda: "path: " not in app.text())  # else the next key makes it alt+1
    app.send("1")
    app.wait_for_text("done  1 of 1")
    app.send("d")
    assert app.wait() == 0 and app.left_behind() == []
    assert [raw for raw in RAW if raw.encode() in app.output] == []
    assert "�]52;c;".encode() in app.output


# Bad links, good links, and none at all


def test_a_link_that_stalls_costs_the_scan_nothing_and_the_app_comes_back_by_itself(
    home: Home, long_storm: Path, headless: Rows
) -> None:
    clip = home.clip(long_storm, "stalled.mp4")
    app = home.app("scan", clip, *SMALL, sees=AT_WORK, size=WIDE)
    with app.stalled():
        for _ in range(30):  # somebody impatient has the whole screen drawn again and again
            app.send("\x0c")
            time.sleep(0.1)
        assert home.finished()["state"] == "done"
    app.wait_for_text("the link stalled and")
    app.wait_for_text(" done    ")
    app.send("2")
    app.wait_for_text(f" 1 of {12 * STROKES} ")
    assert home.found() == headless
    app.send("d")
    assert app.wait() == 0 and app.restored()


def test_when_nothing_happens_nothing_is_sent_and_nothing_heavy_is_loaded(home: Home) -> None:
    app = home.app("--no-mouse", sees="8 Log")
    app.send("1")
    app.wait_for_text("nothing running")
    assert app.wait_until(lambda: quiet_since(app) > 2.5)  # the link meter looks back that far
    began = time.monotonic()
    time.sleep(3.0)
    assert app.bytes_between(began, time.monotonic()) == b""
    assert not [m for m in (1000, 1002, 1003, 1006) if modes_after(app.output)[m]]
    loaded = Path(f"/proc/{app.process.pid}/maps").read_text()
    assert "python" in loaded
    heavy = re.findall(r"/(torch|numpy|av|PIL|decord|transformers|pydantic_core)/", loaded)
    assert heavy == []


def quiet_since(app: Terminal) -> float:
    return time.monotonic() - app.received[-1][0]


def test_over_a_slow_link_no_picture_is_sent_unasked_and_keys_are_quick(
    fresh: Home, storm: Path
) -> None:
    assert fresh.cli("scan", storm, "--profile", "storm").code == 0
    app = fresh.app(size=(120, 36), sees="", SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22")
    with app.slowed(20_000):
        app.wait_for_text("done", 60)
        app.send("2")
        app.wait_for_text("the link is slow: space shows the picture", 30)
        assert not quarters(app)
        waits = []
        for key, place in (("j", "2 of"), ("k", "1 of"), ("j", "2 of"), ("k", "1 of")):
            time.sleep(1.5)  # until what belongs to the row was sent
            pressed = time.monotonic()
            app.send(key)
            app.wait_for_text(place, 10)
            waits.append(time.monotonic() - pressed)
        assert not quarters(app) and min(waits) < 0.2, waits
        app.send(" ")
        assert app.wait_until(lambda: quarters(app), 30)


def quarters(app: Terminal) -> bool:
    """Say whether a picture is on the screen."""
    return any(letter in app.text() for letter in SHAPES.strip())
