"""The app in a real pseudo-terminal: first picture, bytes, long lists, keys, and bad links.

posting and harlequin are shown in the same run, in turn with ours, each from a home of its own;
they need environments of their own (`.venv-rivals-posting`, `.venv-rivals-harlequin`), for each
wants another Textual. CPU is that of the app's process, up to the piece that made the screen whole.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import psutil

from benchmarks.footage import storm_1080p
from benchmarks.long_list import ROWS, make_long_list
from benchmarks.measure import CACHE, ROOT, table
from core.synthetic.storm import demo_scene, write
from tests.pty.emulator import Emulator
from tests.pty.harness import Terminal, environment, spawn
from tests.pty.home import Home
from tests.workbench import COMMAND

RUNS = 5
CLIPS = 8
KEYS = 60
STALL_SECONDS = 10.0
ROUNDS = 3
FILL_SECONDS = 2.0
_RATE = re.compile(r" run  .*% +[\d.]+ ")
LINES = 13
"""rows of a result list that an 80x24 terminal shows"""


@dataclass(frozen=True, slots=True)
class LazyFrame:
    """An app to start, and what is on its screen once that is complete."""

    name: str
    command: list[str]
    marks: tuple[bytes, ...]


def main() -> None:
    """Print every figure beside what is wanted, and how busy the machine was."""
    # As any user's Python does, keep what was compiled; a test machine may be told not to.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    before = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder)) as home:
        home.app(sees="nothing running")
        rows = _first_pictures(home)
        rows.append(("idle Queue, 80x24, B/s", _idle(home), "0"))
        table(("figure", "value", "wanted"), rows)
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder)) as home:
        table(("figure", "value", "wanted"), _long_list(home))
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder)) as home:
        table(("figure", "value", "wanted"), _at_work(home))
    print(f"load before {before[0]:.1f}, after {os.getloadavg()[0]:.1f}, on {os.cpu_count()} cores")


# First picture


def _first_pictures(home: Home) -> list[tuple[str, object, str]]:
    own = {"HOME": str(home.folder), "LANG": "C.UTF-8", **home.places()}
    apps = [app for app in _apps(home.folder) if Path(app.command[0]).is_file()]
    taken: dict[str, list[tuple[float, float]]] = {app.name: [] for app in apps}
    for turn in range(RUNS + 1):
        for app in apps:
            figures = _first_picture(app, own, home.folder)
            if turn:  # the first time only warms the disk up
                taken[app.name].append(figures)
    rows: list[tuple[str, object, str]] = []
    for name, runs in taken.items():
        wanted = "<= 0.5 and theirs" if name == "sightline" else ""
        rows.append((f"first picture, {name}, CPU s", median(cpu for cpu, _ in runs), wanted))
        rows.append((f"first picture, {name}, wall s", median(wall for _, wall in runs), ""))
    for missing in {"posting", "harlequin"} - set(taken):
        print(f"{missing} is not installed; run: make bench")
    return rows


def _apps(folder: Path) -> list[LazyFrame]:
    rivals = {name: str(ROOT / f".venv-rivals-{name}" / "bin" / name) for name in
              ("posting", "harlequin")}  # fmt: skip
    return [
        LazyFrame("sightline", COMMAND, (b" keys", b"FILE", b"Profiles")),
        LazyFrame("posting", [rivals["posting"], "--collection", str(folder)],
              (b"Send", b"Collection")),
        LazyFrame("harlequin", [rivals["harlequin"]], (b"Run Query", b"Catalog", b"Results")),
    ]  # fmt: skip


def _first_picture(app: LazyFrame, own: dict[str, str | None], cwd: Path) -> tuple[float, float]:
    """Return CPU and wall seconds until everything the app shows at first is there."""
    began = time.monotonic()
    with spawn(app.command, environment(**own), cwd=cwd) as terminal:
        process = psutil.Process(terminal.process.pid)
        while not all(mark in terminal.output for mark in app.marks):
            if time.monotonic() - began > 60 or terminal.process.poll() is not None:
                raise RuntimeError(f"{app.name} showed no picture: {terminal.output[-500:]!r}")
            time.sleep(0.005)
        times = process.cpu_times()
        return times.user + times.system, terminal.received[-1][0] - began


# Bytes


def _idle(home: Home) -> float:
    terminal = home.app(sees="nothing running")
    time.sleep(5)
    return _rate(terminal, 10.0)


def _rate(terminal: Terminal, seconds: float) -> float:
    began = time.monotonic()
    time.sleep(seconds)
    return len(terminal.bytes_between(began, began + seconds)) / seconds


# Watching when something is on the screen


class Watch:
    """Draws what came piece by piece, so as to know which piece brought something."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._emulator = Emulator(80, 24)
        self._drawn = 0

    def until(self, holds: Callable[[list[str]], bool], seconds: float = 20.0) -> float:
        """Return the time of the piece after which the screen is as wanted."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for moment, piece in self._terminal.received[self._drawn :]:
                self._drawn += 1
                self._emulator.feed(piece)
                if holds(self._emulator.lines()):
                    return moment
            time.sleep(0.002)
        raise RuntimeError("waited in vain; the screen:\n" + "\n".join(self._emulator.lines()))

    def rest(self, seconds: float) -> list[str]:
        """Wait, draw everything that came, and return the screen."""
        time.sleep(seconds)
        pieces = self._terminal.received[self._drawn :]
        self._drawn += len(pieces)
        self._emulator.feed(b"".join(piece for _, piece in pieces))
        return self._emulator.lines()

    def after(self, key: str, holds: Callable[[list[str]], bool]) -> float:
        """Press a key; return how long it took until the screen is as wanted."""
        began = time.monotonic()
        self._terminal.send(key)
        return self.until(holds) - began


# A long list


def _long_list(home: Home) -> list[tuple[str, object, str]]:
    clip = CACHE / "kill-demo.mp4"
    if not clip.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        write(demo_scene(), clip)
    home.cli("scan", clip, "--profile", "storm")
    make_long_list(home.library)
    watch = Watch(home.app(sees="nothing running"))
    watch.rest(3.0)
    opened = watch.after("2", _whole(1))
    pages = [_page(watch, key) for key in ("\x1b[6~",) * 20 + ("G", "g", "G", "g")]
    return [
        (f"open a list of {ROWS} rows, s", opened, "<= 0.3"),
        ("page down, median, s", median(pages[:20]), "<= 0.1"),
        ("page down, slowest of 20, s", max(pages[:20]), "<= 0.1"),
        ("to the end and back, slowest of 4, s", max(pages[20:]), "<= 0.1"),
    ]


def _page(watch: Watch, key: str) -> float:
    before = _place(watch.rest(0.4))
    return watch.after(key, lambda lines: _place(lines) != before and _whole(_place(lines))(lines))


def _whole(place: int) -> Callable[[list[str]], bool]:
    """Return whether the list shows rows everywhere, one of them under the cursor."""

    def holds(lines: list[str]) -> bool:
        shown = [line for line in lines if "flash" in line[:40] and ":" in line[:12]]
        return _place(lines) == place and len(shown) >= LINES

    return holds


def _place(lines: list[str]) -> int:
    word = lines[2].partition(" row ")[2].split(" of ")[0] if len(lines) > 2 else ""
    return int(word) if word.isdigit() else 0


# While a scan uses every core


def _at_work(home: Home) -> list[tuple[str, object, str]]:
    clips = [home.clip(storm_1080p(180), f"{number}.mp4") for number in range(CLIPS)]
    argv: tuple[str | Path, ...] = (
        "scan",
        *clips,
        "--profile",
        "storm",
        "--set",
        f"run.parallel={CLIPS}",
    )
    terminal = home.app(*argv, sees="sightline")
    watch = Watch(terminal)
    watch.until(lambda lines: sum(bool(_RATE.search(line)) for line in lines) == CLIPS, 120)
    app = psutil.Process(terminal.process.pid)
    app.cpu_percent()
    sent = _rate(terminal, 10.0)
    app_busy = app.cpu_percent()
    psutil.cpu_percent()
    keys = [_key(watch, "j" if number % 2 == 0 else "k") for number in range(KEYS)]
    busy = psutil.cpu_percent()
    stalled, free = _stalls(home, terminal)
    ratios = [100 * (one / other - 1) for one, other in zip(stalled, free, strict=True)]
    return [
        (f"Queue with {CLIPS} running, 80x24, KB/s", sent / 1000, "<= 6"),
        (
            f"key to output, 95th percentile of {KEYS}, ms",
            1000 * quantiles(keys, n=20)[-1],
            "<= 50",
        ),
        ("key to output, median, ms", 1000 * median(keys), ""),
        ("CPU of the machine meanwhile, %", busy, ""),
        ("CPU of the app before, drawing only, % of a core", app_busy, ""),
        (f"scan while the link stalls {STALL_SECONDS:.0f} s, fr/s", median(stalled), ""),
        ("scan while it does not, fr/s", median(free), ""),
        ("stalled against free, %", 100 * (sum(stalled) / sum(free) - 1), ">= -3"),
        ("in each round, %", ", ".join(f"{ratio:+.1f}" for ratio in ratios), ""),
    ]


def _key(watch: Watch, key: str) -> float:
    before = _cursor(watch.rest(0.12))
    return watch.after(key, lambda lines: _cursor(lines) not in (before, None))


def _cursor(lines: Sequence[str]) -> int | None:
    return next((number for number, line in enumerate(lines) if line.startswith(" > ")), None)


def _stalls(home: Home, terminal: Terminal) -> tuple[list[float], list[float]]:
    """Return frames a second while nothing reads the terminal, and in between, in turn.

    Before each, the whole screen is asked for again and again, which fills a link that stalls.
    """
    stalled, free = [], []
    for _ in range(ROUNDS):
        _ask_for_much(terminal)
        free.append(_frames_per_second(home))
        with terminal.stalled():
            _ask_for_much(terminal)
            stalled.append(_frames_per_second(home))
        terminal.wait_for_text("the link stalled and", 10)
    return stalled, free


def _ask_for_much(terminal: Terminal) -> None:
    for _ in range(30):
        terminal.send("\x0c")
        time.sleep(FILL_SECONDS / 30)


def _frames_per_second(home: Home) -> float:
    before, began = _frames(home), time.monotonic()
    time.sleep(STALL_SECONDS)
    return (_frames(home) - before) / (time.monotonic() - began)


def _frames(home: Home) -> int:
    scans = home.ask(lambda client: client.snapshot()).scans
    return sum(task.frames_done for scan in scans for task in scan.tasks)


if __name__ == "__main__":
    main()
