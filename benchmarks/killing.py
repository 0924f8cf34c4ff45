"""Killed with SIGKILL at 50 random moments and resumed: nothing lost, little done again."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.footage import storm_1080p
from benchmarks.measure import CACHE, SIGHTLINE, run, table
from core.synthetic.storm import demo_scene, write

KILLS = 50
PICTURES = 300
FORMATS = ("json", "csv", "statistics")


def main() -> None:
    """Print how often the scan was killed, whether exports are equal, and what was done again."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 0
    sources = _sources()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        whole = scratch / "whole"
        run([*_command(whole), "scan", *sources, *_settings(), *_export(scratch / "a")])
        killed = scratch / "killed"
        again, kills = _kill(killed, sources, random.Random(seed))
        run([*_command(killed), "runs", "resume", "1", *_export(scratch / "b")], codes=(0, 2))
        if not (scratch / "b").is_dir():
            run([*_command(killed), "export", "1", *_export(scratch / "b")])
        unequal = _unequal(scratch / "a", scratch / "b")
    table(
        ("figure", "value", "wanted"),
        [
            ("killed and resumed", kills, KILLS),
            ("exported files that differ", len(unequal), 0),
            ("most microbatches measured again after a kill", max(again, default=0), "<= 1"),
        ],
    )
    for name in unequal:
        print(f"  differs: {name}")


def _sources() -> list[str]:
    clip = CACHE / "kill-demo.mp4"
    if not clip.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        write(demo_scene(), clip)
    pictures = CACHE / "pictures-10000" / "00"
    named = [str(clip), str(storm_1080p(60))]
    return [*named, str(pictures)] if pictures.is_dir() else named


def _command(library: Path) -> list[str]:
    return [*SIGHTLINE, "--library", str(library), "--quiet"]


def _settings() -> list[str]:
    return ["--profile", "quick", "--set", "run.batch_size=32"]


def _export(out: Path) -> list[str]:
    return ["--out", str(out), *(part for name in FORMATS for part in ("--format", name))]


def _kill(library: Path, sources: list[str], dice: random.Random) -> tuple[list[int], int]:
    """Start, kill, resume, kill ... and count what was measured a second time after each kill."""
    again: list[int] = []
    kills = 0
    command = [*_command(library), "scan", *sources, *_settings()]
    while kills < KILLS:
        kept = _kept(library)
        _watch_rewrites(library)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0.3, 1.6))
        finished = process.poll() is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        if kept:
            again.append(_rewritten(library))
        if finished:
            shutil.rmtree(library)
            command = [*_command(library), "scan", *sources, *_settings()]
            continue
        kills += 1
        if (library / "library.db").is_file() and _has_scan(library):
            command = [*_command(library), "runs", "resume", "1"]
    return again, kills


def _kept(library: Path) -> bool:
    return (library / "library.db").is_file() and _has_scan(library)


def _has_scan(library: Path) -> bool:
    with sqlite3.connect(library / "library.db") as connection:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tasks'").fetchone()
        return bool(tables and connection.execute("SELECT count(*) FROM tasks").fetchone()[0])


def _watch_rewrites(library: Path) -> None:
    """Let the database itself note every microbatch that is written over one already kept."""
    if not _kept(library):
        return
    with sqlite3.connect(library / "library.db") as connection:
        connection.executescript(
            "CREATE TABLE IF NOT EXISTS rewritten (track TEXT, first INTEGER);"
            "DELETE FROM rewritten;"
            "CREATE TRIGGER IF NOT EXISTS note BEFORE INSERT ON chunks "
            "WHEN EXISTS (SELECT 1 FROM chunks WHERE track = NEW.track AND first = NEW.first) "
            "BEGIN INSERT INTO rewritten VALUES (NEW.track, NEW.first); END;"
        )


def _rewritten(library: Path) -> int:
    with sqlite3.connect(library / "library.db") as connection:
        rows = connection.execute("SELECT count(DISTINCT first) FROM rewritten").fetchone()
    return int(rows[0])


def _unequal(one: Path, other: Path) -> list[str]:
    names = {path.name for folder in (one, other) for path in folder.iterdir()} - {"summary.json"}
    return sorted(name for name in names if _read(one / name) != _read(other / name))


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    main()
