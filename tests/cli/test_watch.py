"""`sightline watch`: each file once, and only when it is whole."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.workbench import STROKES, Cli, events_of, finished, wait_for


def watching(cli: Cli, folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    return cli.start("watch", folder, "--settle", "0.6", "--json", "--profile", "storm")


def grow(source: Path, target: Path, seconds: float = 1.5, steps: int = 10) -> None:
    """Copy a file slowly, as a camera writes it."""
    data = source.read_bytes()
    with target.open("wb") as file:
        for step in range(steps):
            file.write(data[len(data) * step // steps : len(data) * (step + 1) // steps])
            file.flush()
            time.sleep(seconds / steps)


def stop(process: subprocess.Popen[bytes]) -> tuple[int, str, list[dict[str, Any]]]:
    process.send_signal(signal.SIGINT)
    ran = finished(process)
    assert "Traceback" not in ran.err
    return ran.code, ran.err, ran.json()


def test_a_growing_file_is_scanned_once_when_it_is_whole(
    cli: Cli, storm: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    process = watching(cli, folder)
    assert process.stderr is not None
    assert b"no files yet" in process.stderr.readline()
    grow(storm, folder / "a.mp4")
    (folder / "notes.txt").write_text("not footage")
    (folder / ".hidden.mp4").write_bytes(b"nor this")
    end = wait_for(process, "ScanFinished")
    assert (end["state"], end["moments"], end["failed"]) == ("done", STROKES, 0)
    # Whatever else it had found to do would come before what is copied now.
    with (folder / "b.mp4").open("wb") as file:
        file.write(storm.read_bytes() + b"another content")
    second = wait_for(process, "ScanFinished")
    code, err, rest = stop(process)
    assert (second["scan"], second["state"]) == (end["scan"] + 1, "done")
    assert code == 0 and rest == [] and "2 scans" in err
    scans = cli.here("runs", "list", "--json").json()
    assert [scan["sources"] for scan in scans] == [1, 1]


def test_what_lies_there_already_is_scanned_and_what_grows_meanwhile_is_not_lost(
    cli: Cli, storm: Path, broken: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    shutil.copy(storm, folder / "there.mp4")
    shutil.copy(broken, folder / "bad.mp4")
    process = watching(cli, folder)
    grow(storm, folder / "growing.mp4", 3.0)  # begun before the watching is
    whole: dict[str, str] = {}
    for event in events_of(process):
        if event["type"] == "TaskFinished":
            whole[Path(event["path"]).name] = event["state"]
        if event["type"] == "ScanFinished" and len(whole) == 3:
            break
    code, _, _ = stop(process)
    assert code == 1
    assert whole["bad.mp4"] == "failed"
    # Both hold the same; on a slow machine the one that grows may be whole before it is looked.
    assert {whole["there.mp4"], whole["growing.mp4"]} <= {"done", "known"}
    states = [t for n in (2, 3, 4) for t in tasks(cli, n) if t["path"].endswith("growing.mp4")]
    assert not [task for task in states if task["state"] == "failed"], "it was read half-written"


def tasks(cli: Cli, scan: int) -> list[dict[str, Any]]:
    ran = cli.here("runs", "show", str(scan), "--json")
    return ran.json() if ran.code == 0 else []


def test_ctrl_c_during_a_scan_keeps_it_resumable(
    cli: Cli, long_storm: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    shutil.copy(long_storm, folder)
    process = cli.start("watch", folder, "--json", "--settle", "0.2", "--set", "run.batch_size=16")
    wait_for(process, "BatchDone", 2)
    code, err, rest = stop(process)
    assert code == 130 and "stopped watching" in err and "runs resume" in err
    assert rest[-1]["state"] == "interrupted"
    (watch,) = [
        job for job in cli.here("runs", "list", "--all", "--json").json() if job["kind"] == "watch"
    ]
    assert (watch["state"], watch["title"]) == ("done", str(folder))
    assert cli.here("runs", "resume", str(rest[-1]["scan"])).code == 0
