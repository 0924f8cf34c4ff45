"""SIGKILL at random moments of a scan costs a microbatch, never a result."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.workbench import Cli, events_of, finished

KILLS = 8
BATCH = 16
SETTINGS = ("--profile", "quick", "--set", f"run.batch_size={BATCH}", "--json")


@pytest.fixture
def material(long_storm: Path, pictures: Path, tmp_path: Path) -> Path:
    """Pictures, a video, pictures, in this order."""
    folder = tmp_path / "material"
    shutil.copytree(pictures, folder / "a")
    shutil.copy(long_storm, folder / "b-long.mp4")
    shutil.copytree(pictures, folder / "c")
    for number, picture in enumerate(sorted((folder / "c").iterdir())):
        picture.write_bytes(picture.read_bytes() + bytes([number]))  # other contents, same pixels
    return folder


def exported(cli: Cli, folder: str) -> dict[str, bytes]:
    formats = ("--format", "json", "--format", "csv", "--format", "statistics")
    assert cli.here("export", "1", *formats, "--out", folder).code == 0
    files = {path.name: path.read_bytes() for path in (cli.home / folder).iterdir()}
    files.pop("summary.json")
    return files


def kept_frames(cli: Cli) -> int:
    """Return how many frames of the video every stage has measured and kept."""
    with sqlite3.connect(cli.library / "library.db") as database:
        row = database.execute("SELECT min(frames) FROM tracks WHERE complete = 0").fetchone()
    database.close()
    return int(row[0] or 0)


def watch_rewrites(cli: Cli) -> None:
    """Let the library itself count microbatches that are measured although they are kept."""
    with sqlite3.connect(cli.library / "library.db") as database:
        database.executescript("""
            CREATE TABLE IF NOT EXISTS rewrites (track TEXT, first INTEGER);
            CREATE TRIGGER IF NOT EXISTS rewritten BEFORE INSERT ON chunks
            WHEN EXISTS (SELECT 1 FROM chunks WHERE track = NEW.track AND first = NEW.first)
            BEGIN INSERT INTO rewrites VALUES (NEW.track, NEW.first); END;
        """)
    database.close()


def rewrites(cli: Cli) -> int:
    database = sqlite3.connect(cli.library / "library.db")
    count = int(database.execute("SELECT count(*) FROM rewrites").fetchone()[0])
    database.close()
    return count


def killed(process: subprocess.Popen[bytes], batches: int, delay: float) -> tuple[int, int]:
    """Kill after some microbatches and return the first and last frame count it reported."""
    first = last = 0
    for event in events_of(process):
        if event["type"] == "BatchDone" and event["number"] > 8:
            first, last = first or event["frames"], event["frames"]
            batches -= 1
        if batches <= 0:
            break
    time.sleep(delay)
    readers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    rest = finished(process)
    for line in rest.raw_out.splitlines():
        if line.startswith(b'{"type": "BatchDone"') and line.endswith(b"}"):
            last = max(last, int(line.split(b'"frames": ')[1].split(b",")[0]))
    _, alive = psutil.wait_procs(readers, timeout=10)
    assert not alive, "a reader outlived the engine"
    return first, last


def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path, material: Path) -> None:
    rng = random.Random(20)
    whole, cut = Cli(tmp_path / "whole"), Cli(tmp_path / "cut")
    for each in (whole, cut):
        each.home.mkdir()
    assert whole.here("scan", material, *SETTINGS).code == 0
    args: tuple[str | Path, ...] = ("scan", material, *SETTINGS)
    before = 0
    for kill in range(KILLS):
        first, last = killed(cut.start(*args), rng.randrange(1, 14), rng.uniform(0, 0.03))
        kept = kept_frames(cut)
        # Everything it reported was kept, and it continued right behind what had been kept before.
        assert kept >= last
        assert first == before + BATCH, f"kill {kill}"
        before, args = kept, ("runs", "resume", "1", "--json")
        watch_rewrites(cut)
    assert 0 < before < 2400
    assert cut.here(*args).code == 0
    assert rewrites(cut) == 0
    assert exported(cut, "out") == exported(whole, "out")


def test_killed_while_it_starts_or_finishes(tmp_path: Path, pictures: Path, storm: Path) -> None:
    whole, cut = Cli(tmp_path / "whole"), Cli(tmp_path / "cut")
    for each in (whole, cut):
        each.home.mkdir()
    assert whole.here("scan", storm, pictures, "--profile", "quick").code == 0
    process = cut.start("scan", storm, pictures, "--profile", "quick", "--json")
    for event in events_of(process):
        if event["type"] == "ScanStarted":
            break
    process.kill()
    finished(process)
    process = cut.start("runs", "resume", "1", "--json")
    for event in events_of(process):
        if event["type"] == "TaskFinished":  # the video is judged; the pictures are to come
            break
    process.kill()
    finished(process)
    last = cut.here("runs", "resume", "1", "--json")
    assert last.code in (0, 2)  # 2: the kill came after the very last source
    assert {line["state"] for line in cut.here("runs", "show", "1", "--json").json()} <= {
        "done",
        "known",
    }
    assert exported(cut, "out") == exported(whole, "out")
