"""Judging a hundred events by a hundred keys, while app and engine are killed now and then."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from pathlib import Path

import pytest

from core.protocol.queries import ListResults
from tests.pty.harness import Terminal
from tests.pty.home import Home
from tui.screens.picturing import PICTURE_SECONDS

EVENTS = 100
KILLS = 8
KEY_SECONDS = 0.1
SEED = 20261130
KEYS = {"y": "right", "n": "wrong", "u": "unsure"}
BYTES_AT_ONCE = 2048
_AT = re.compile(r"(\d+) of \d+ ╯")


def place(app: Terminal) -> int:
    """Return the number of the row under the cursor, 0 while none is shown."""
    found = [_AT.search(line) for line in app.screen()]
    return next((int(each[1]) for each in found if each), 0)


def stored(home: Home) -> list[str]:
    listed = home.cli("results", "--json", "--limit", "1000").json()
    return [row["judgement"] or "" for row in listed]


@pytest.fixture
def home(tmp_path: Path, long_storm: Path) -> Home:
    home = Home(tmp_path)
    clips = [home.clip(long_storm, f"{n}.mp4") for n in range(2)]
    assert home.cli("scan", *clips, "--profile", "storm", "--no-ui").code == 0
    return home


def opened(home: Home) -> Terminal:
    app = home.app(sees="8 Log", size=(120, 36))
    app.send("2")
    assert app.wait_until(lambda: place(app) > 0, 30)
    return app


def test_a_hundred_keys_judge_a_hundred_events_and_no_kill_loses_one(home: Home) -> None:
    chance = random.Random(SEED)
    with home:
        app = opened(home)
        count = len(home.ask(lambda client: client.ask(ListResults(last=1000))).rows)
        kills = set(chance.sample(range(5, count - 5), KILLS))
        kept: dict[int, str] = {}
        pressed = 0
        while len(kept) < count:
            here = place(app)
            key = chance.choice("yyyynu")
            app.send(key)
            pressed += 1
            if pressed in kills:
                time.sleep(chance.random() * KEY_SECONDS)
                app = killed(home, app, chance)
                now = stored(home)
                lost = {row: said for row, said in kept.items() if now[row - 1] != said}
                assert lost == {}
                kept = {row: said for row, said in enumerate(now, 1) if said}
                if len(kept) < count:
                    app.send("gJ")
                    first = min(set(range(1, count + 1)) - set(kept))
                    assert app.wait_until(lambda app=app, first=first: place(app) == first, 20)  # type: ignore[misc]
                continue
            time.sleep(KEY_SECONDS)
            assert app.wait_until(lambda app=app, here=here: went_on(app, here), 20)  # type: ignore[misc]
            kept[here] = KEYS[key]  # shown as stored
        assert [kept[row] for row in range(1, count + 1)] == stored(home)
        assert pressed <= count + 2 * KILLS


def went_on(app: Terminal, here: int) -> bool:
    """Say whether the cursor left a row, or the round is over: its judgement is stored."""
    return place(app) != here or "all judged" in app.text()


def test_a_judgement_sends_two_kilobytes_at_most_at_once(home: Home) -> None:
    with home:
        app = home.app(sees="8 Log", size=(80, 24))
        app.send("2")
        assert app.wait_until(lambda: place(app) == 1, 30)
        for here in range(1, 6):
            assert app.wait_until(lambda: time.monotonic() - app.received[-1][0] > 1.5)
            began = time.monotonic()
            app.send("y")
            assert app.wait_until(lambda here=here: place(app) == here + 1)  # type: ignore[misc]
            time.sleep(PICTURE_SECONDS / 2)  # what comes at once; pictures come after the rest
            assert 0 < len(app.bytes_between(began, time.monotonic())) <= BYTES_AT_ONCE


def killed(home: Home, app: Terminal, chance: random.Random) -> Terminal:
    """Kill the app or the engine; return an app that shows the list again."""
    if chance.random() < 0.5:
        app.signal(signal.SIGKILL)
        app.wait()
        return opened(home)
    engine = home.engine()
    assert engine is not None
    os.kill(engine, signal.SIGKILL)
    assert app.wait_until(lambda: home.engine() not in (None, engine), 30)
    assert app.wait_until(lambda: place(app) > 0, 30)
    return app
