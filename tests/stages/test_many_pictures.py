"""Many pictures, measured by the processes that decode them: the same rows, whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.records import LumaBatch, SourceInfo
from core.scans import images, many_pictures, picture_stages
from core.scans.many_pictures import Batches
from tests.test_durability import KILLED_AT
from tests.workbench import Cli, texture

ROWS = {
    "contents": "content, kind, info",
    "paths": "path, content, size, failure",
    "results": "content, spec_hash, frames, failure, warnings, provenance",
    "candidates": "content, spec_hash, number, body",
    "tasks": "scan, number, path, kind, content, state, reason, frames, moments",
    "picture_series JOIN contents ON contents.id = picture_series.content "
    "JOIN measurings ON measurings.id = measuring": (
        "contents.content, stage, version, settings, data"
    ),
}
CRASHES, IS_KILLED = 13, 17
"""widths of the pictures at which `deadly` ends its process"""


def rows_of(library: Path) -> dict[str, list[Any]]:
    """Return what a library holds, in no order; numbers of rows and times are left out."""
    with closing(sqlite3.connect(library / "library.db")) as connection:
        return {
            table: sorted(map(repr, connection.execute(f"SELECT {columns} FROM {table}")))
            for table, columns in ROWS.items()
        }


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of many kinds, some that are none, and two that are one."""
    folder = tmp_path_factory.mktemp("odd")
    one = texture(1, 64, 48)
    one.save(folder / "colour.png")
    shutil.copy(folder / "colour.png", folder / "copy.png")
    one.convert("L").save(folder / "grey.jpg")
    one.convert("RGBA").save(folder / "clear.png")
    turned = Image.Exif()
    turned[274] = 6
    one.save(folder / "turned.jpg", exif=turned)
    deep = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21
    Image.fromarray(deep).save(folder / "deep.png")
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    frames = [texture(seed, 64, 48) for seed in (2, 3)]
    frames[0].save(folder / "moving.webp", save_all=True, append_images=frames[1:])
    whole = (folder / "grey.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_bytes(b"this is no picture" * 20)
    (folder / "empty.jpg").write_bytes(b"")
    for seed in range(4, 40):
        texture(seed, 40, 30).save(folder / f"{seed}.png")
    return folder


def test_readers_measure_what_the_engine_measures(
    tmp_path: Path, odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    for many in (1, 10**9):
        monkeypatch.setattr(images, "MANY", many)
        home = tmp_path / str(many)
        home.mkdir()
        ran = Cli(home).here("scan", odd, "--profile", "quick", "--json")
        assert ran.code == 1
        assert sum(task["state"] == "failed" for task in ran.of("TaskFinished")) == 3
        rows.append(rows_of(home / "library"))
    assert rows[0] == rows[1]
    assert all(rows[0].values())
    again = Cli(home).here(
        "scan", odd, "--profile", "quick", "--json", "--set", "quality.flat_below=7"
    )
    assert {task["state"] for task in again.of("TaskFinished")} == {"done", "failed"}


def deadly(settings: dict[str, Any]) -> Callable[[SourceInfo, LumaBatch], NDArray[np.float32]]:
    """Measure as sightline does, in a process that some pictures end."""
    measure = picture_stages.in_reader(settings)

    def measured(info: SourceInfo, batch: LumaBatch) -> NDArray[np.float32]:
        if info.width == CRASHES:
            os.abort()
        if info.width == IS_KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        return measure(info, batch)

    return measured


def test_a_picture_that_ends_its_reader_costs_itself_only(
    cli: Cli, odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was killed from outside is read once more, alone, at the end."""
    folder = cli.home / "pictures"
    shutil.copytree(odd, folder)
    for name, width in (("5-crashes.png", CRASHES), ("6-crashes.png", CRASHES),
                        ("7-killed.png", IS_KILLED), ("zz-crashes.png", CRASHES)):  # fmt: skip
        texture(width + len(name), width, 20).save(folder / name)
    monkeypatch.setattr(images, "MANY", 2)
    monkeypatch.setattr(many_pictures, "IN_READER", f"{__name__}:deadly")
    ran = cli.here("scan", folder, "--profile", "quick", "--json")
    states = {Path(t["path"]).name: (t["state"], t["reason"]) for t in ran.of("TaskFinished")}
    crashed = {name for name, (_, reason) in states.items() if "crashed (signal 6)" in reason}
    assert crashed == {"5-crashes.png", "6-crashes.png", "zz-crashes.png"}
    failed = {name for name, (state, _) in states.items() if state == "failed"}
    assert failed == crashed | {"cut.jpg", "text.jpg", "empty.jpg"}
    assert states["7-killed.png"] == ("done", "")
    assert "7-killed.png: its reading process was killed from outside" in ran.err + ran.out


def wordy(_settings: dict[str, Any]) -> Callable[[SourceInfo, LumaBatch], NDArray[np.float32]]:
    """Return more values than stages have columns."""
    return lambda _info, _batch: np.zeros(99, np.float32)


def test_values_that_no_stage_has_are_refused(
    cli: Cli, odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MANY", 1)
    monkeypatch.setattr(many_pictures, "IN_READER", f"{__name__}:wordy")
    ran = cli.here("scan", odd, "--profile", "quick", "--json")
    reasons = {Path(t["path"]).name: t["reason"] for t in ran.of("TaskFinished")}
    assert "99 values instead of 8" in reasons["grey.jpg"]
    assert reasons["moving.webp"] == ""


@pytest.mark.parametrize("place", ["core.storage.results:Results.keep",
                                   "core.storage.runs:Runs.add_tasks"])  # fmt: skip
def test_a_kill_between_two_transactions_costs_no_row(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(images.MANY + 5):
        Image.new("RGB", (9, 8), (number % 250, number // 250, 0)).save(folder / f"{number}.png")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for home in (killed, whole):
        home.mkdir()
    words = ["scan", os.fspath(folder), "--profile", "quick"]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT, place, *words], cwd=Path(__file__).parents[2],
        env=Cli(killed).env, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert Cli(killed).here("runs", "resume", "1").code == 0
    assert Cli(whole).here(*words).code == 0
    rows = [rows_of(home / "library") for home in (killed, whole)]
    tasks = [each.pop("tasks") for each in rows]
    assert len(tasks[0]) == len(tasks[1])
    assert all("'done', ''" in row or "'known', ''" in row for row in tasks[0])
    assert rows[0] == rows[1]


def test_batches_are_in_order_and_bounded_in_size_and_age(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(many_pictures, "MOST", 64)
    waits = threading.Event()

    def doubled(part: Sequence[int], _stopped: threading.Event) -> list[int]:
        if 0 in part:
            waits.wait(10)  # the first part is ready last
        if 80 in part:
            waits.set()
        return [2 * each for each in part]

    waits.set()
    found = list(Batches[int](3).of(range(200), doubled))
    assert [each for batch in found for each in batch] == list(range(0, 400, 2))
    assert [len(batch) for batch in found] == [64, 64, 64, 8]
    at_once = Batches[int](3, lambda: True).of(range(200), doubled)
    assert {len(batch) for batch in at_once} == {16, 8}
    monkeypatch.setattr(many_pictures, "SECONDS", 0.0)
    assert {len(batch) for batch in Batches[int](3).of(range(200), doubled)} == {16, 8}
    monkeypatch.setattr(many_pictures, "FEW", 30)
    assert {len(batch) for batch in Batches[int](3).of(range(200), doubled)} == {16, 8}
    monkeypatch.setattr(many_pictures, "FEW", 0)
    assert [len(batch) for batch in Batches[int](3).of(range(200), doubled)] == [64, 64, 64, 8]


def test_reading_ahead_ends_with_whoever_takes_the_batches() -> None:
    stops: list[threading.Event] = []
    seen: list[int] = []

    def read(part: Sequence[int], stopped: threading.Event) -> list[int]:
        stops.append(stopped)
        seen.extend(part)
        return list(part)

    batches = Batches[int](1).of(range(10**6), read)
    assert next(batches)[0] == 0
    batches.close()  # type: ignore[attr-defined]
    assert stops[0].is_set() and len(seen) <= many_pictures.MOST + 2 * many_pictures.AHEAD
    fails = Batches[int](2).of(range(100), lambda _part, _stopped: [1 // 0])
    with pytest.raises(ZeroDivisionError):
        next(fails)
