"""What one bad file, one odd name or one impatient user must never cost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
import zlib
from pathlib import Path

import psutil
import pytest

from tests.workbench import COMMAND, STROKES, Cli, InProcess, finished, wait_for


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_video_that_fails_while_it_is_read_stops_no_other(
    cli: Cli, storm: Path, long_storm: Path, tmp_path: Path, parallel: int
) -> None:
    for name, clip in (("a", storm), ("b", long_storm), ("c", storm)):
        shutil.copy(clip, tmp_path / f"{name}.mp4")
    with (tmp_path / "c.mp4").open("ab") as file:
        file.write(b"another content")
    ran = cli.here(
        "scan", *(tmp_path / f"{n}.mp4" for n in "abc"), "--profile", "storm",
        "--set", "limits.max_frames=1000", "--set", f"run.parallel={parallel}", "--json",
    )  # fmt: skip
    assert ran.code == 1
    assert sorted(task["state"] for task in ran.of("TaskFinished")) == ["done", "done", "failed"]
    assert "limits.max_frames" in ran.err


def test_a_decoder_that_crashes_costs_its_own_file_only(
    cli: Cli, storm: Path, long_storm: Path
) -> None:
    process = cli.start(
        "scan", long_storm, storm, "--profile", "storm", "--json", "--set", "run.batch_size=16"
    )
    wait_for(process, "BatchDone", 2)
    readers = psutil.Process(process.pid).children()
    reader = next(p for p in readers if "core.sources.child" in p.cmdline())
    reader.send_signal(signal.SIGSEGV)
    ran = finished(process)
    assert ran.code == 1
    assert "decoder crashed" in ran.err
    assert [t["state"] for t in ran.of("TaskFinished")] == ["failed", "done"]


def test_resuming_where_frames_decode_to_something_else_measures_anew(
    cli: Cli, long_storm: Path
) -> None:
    process = cli.start(
        "scan", long_storm, "--profile", "storm", "--json", "--set", "run.batch_size=16"
    )
    wait_for(process, "BatchDone", 8)
    process.kill()
    process.communicate()
    _spoil_marks(cli.library)
    ran = cli.here("runs", "resume", "1", "--json")
    assert ran.code == 0, ran.err
    assert ran.of("TaskFinished")[0]["moments"] == 12 * STROKES


def _spoil_marks(library: Path) -> None:
    """Let every kept checksum of a last frame be a wrong one."""
    with sqlite3.connect(library / "library.db") as connection:
        rows = connection.execute("SELECT track, first, data FROM chunks").fetchall()
        for track, first, data in rows:
            body = zlib.decompress(data)
            wrong = zlib.compress(body[:-4] + bytes(byte ^ 0xFF for byte in body[-4:]), 1)
            connection.execute(
                "UPDATE chunks SET data = ? WHERE track = ? AND first = ?", (wrong, track, first)
            )


def test_a_redo_that_is_killed_leaves_what_was_there(cli: Cli, long_storm: Path) -> None:
    assert cli.here("scan", long_storm, "--profile", "storm").code == 0
    before = cli.here("export", "1", "--format", "csv", "--out", "before").code
    process = cli.start(
        "scan", long_storm, "--profile", "storm", "--redo", "--json", "--set", "run.batch_size=16"
    )
    wait_for(process, "BatchDone", 4)
    process.kill()
    process.communicate()
    assert before == cli.here("export", "1", "--format", "csv", "--out", "after").code == 0
    assert (cli.home / "before" / "b-long.mp4.csv").read_bytes() == (
        cli.home / "after" / "b-long.mp4.csv"
    ).read_bytes()
    resumed = cli.here("runs", "resume", "2", "--json")
    assert resumed.code == 0
    assert resumed.of("BatchDone")[0]["frames"] > 4 * 16


def test_a_redo_with_other_settings_leaves_other_scans_alone(cli: Cli, pictures: Path) -> None:
    assert cli.here("scan", pictures, "--profile", "quick").code == 0
    other = ("--set", "regions.include=[[0,0,0.5,0.5]]")
    assert cli.here("scan", pictures, "--profile", "quick", "--redo", *other).code == 0
    assert cli.here("export", "1", "--out", "first").code == 0
    assert len(list((cli.home / "first").glob("*.json"))) == 9


def test_a_scan_that_was_killed_is_not_listed_as_running(cli: Cli, long_storm: Path) -> None:
    process = cli.start("scan", long_storm, "--json", "--set", "run.batch_size=16")
    wait_for(process, "BatchDone", 2)
    assert cli.here("runs", "list", "--json").json()[0]["state"] == "running"
    process.kill()
    process.communicate()
    assert cli.here("runs", "list", "--json").json()[0]["state"] == "interrupted"


def test_a_path_that_became_a_folder_fails_and_the_rest_goes_on(
    cli: Cli, storm: Path, long_storm: Path, tmp_path: Path
) -> None:
    later = Path(shutil.copy(storm, tmp_path / "later.mp4"))
    last = Path(shutil.copy(storm, tmp_path / "last.mp4"))
    process = cli.start("scan", long_storm, later, last, "--json", "--set", "run.batch_size=16")
    wait_for(process, "BatchDone", 2)
    process.kill()
    process.communicate()
    later.unlink()
    later.mkdir()
    ran = cli.here("runs", "resume", "1", "--json")
    assert ran.code == 1
    assert "not a regular file" in ran.err
    states = {os.path.basename(t["path"]): t["state"] for t in ran.of("TaskFinished")}
    assert states == {"later.mp4": "failed", "b-long.mp4": "done", "last.mp4": "done"}


def test_a_reader_that_has_seen_enough_does_not_stop_the_scan(cli: Cli, storm: Path) -> None:
    command = " ".join([*COMMAND, "scan", str(storm), "--sensitivity", "1", "2>err"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; exit ${{PIPESTATUS[0]}}"],
        cwd=cli.home, env=cli.env, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert cli.here("runs", "list", "--json").json()[0]["state"] == "done"


def test_a_hang_up_that_is_ignored_stays_ignored(cli: Cli, long_storm: Path) -> None:
    process = subprocess.Popen(
        ["nohup", *COMMAND, "scan", str(long_storm), "--json", "--set", "run.batch_size=16"],
        cwd=cli.home, env=cli.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(process, "BatchDone", 2)
    process.send_signal(signal.SIGHUP)
    assert finished(process).code == 0


def test_a_second_interrupt_ends_at_once(cli: Cli, long_storm: Path) -> None:
    process = cli.start("scan", long_storm, "--json", "--set", "run.batch_size=4096")
    wait_for(process, "TaskStarted")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert finished(process).code == 130
    assert cli.here("runs", "resume", "1").code == 0


def test_one_missing_source_costs_only_its_own_clips(cli: Cli, storm: Path, tmp_path: Path) -> None:
    first = Path(shutil.copy(storm, tmp_path / "first.mp4"))
    second = Path(shutil.copy(storm, tmp_path / "second.mp4"))
    with second.open("ab") as file:
        file.write(b"another content")
    assert cli.here("scan", first, second, "--profile", "storm").code == 0
    first.unlink()
    ran = cli.here("export", "1", "--clips", "--out", "out")
    assert ran.code == 1
    clips = sorted(path.name for path in (cli.home / "out").glob("second.mp4.*.mp4"))
    assert 1 <= len(clips) <= STROKES  # those that overlap are joined
    lost = [clip.replace("second.mp4", "first.mp4") for clip in clips]
    assert ran.err.count("failed:") == len(lost) and all(clip in ran.err for clip in lost)
    assert not list((cli.home / "out").glob(".*"))


def test_watching_survives_a_name_that_is_no_text(cli: Cli, storm: Path, tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    process = cli.start("watch", folder, "--json", "--settle", "0.3", "--profile", "storm")
    assert process.stderr is not None
    assert b"no files yet" in process.stderr.readline()
    odd = os.fsencode(str(folder)) + b"/odd\xff\x1b[31m\n.mp4"
    shutil.copy(storm, os.fsdecode(odd))
    wait_for(process, "TaskFinished")
    outside = tmp_path / "outside" / "deep"
    outside.mkdir(parents=True)
    shutil.copy(storm, outside / "moved.mp4")
    with (outside / "moved.mp4").open("ab") as file:
        file.write(b"another content")
    shutil.move(outside.parent, folder / "moved-in")
    done = wait_for(process, "TaskFinished")
    assert done["path"].endswith("moved.mp4")
    wait_for(process, "ScanFinished")
    process.send_signal(signal.SIGINT)
    assert finished(process).code == 0


def test_a_file_that_changes_while_it_is_read_is_refused(
    cli: Cli, long_storm: Path, tmp_path: Path
) -> None:
    clip = Path(shutil.copy(long_storm, tmp_path / "growing.mp4"))
    process = cli.start("scan", clip, "--json", "--set", "run.batch_size=16")
    wait_for(process, "BatchDone", 2)
    with clip.open("ab") as file:
        file.write(b"more")
    ran = finished(process)
    assert ran.code == 1
    assert "changed while it was read" in ran.err
    assert cli.here("scan", clip).code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("scan", "/nowhere/at/all.mp4"), 3),
        (("scan", "--dry-run", "/nowhere/at/all.mp4"), 3),
        (("score", "1", "--truth", "/dev/null", "--events", "flahs"), 2),
        (("show", "x.mp4@nan"), 2),
        (("profiles", "new", "n" * 300), 4),
    ],
)
def test_mistakes_are_told_from_defects(
    inside: InProcess, arguments: tuple[str, ...], code: int
) -> None:
    ran = inside(*arguments)
    assert ran.code == code, ran.err
    assert len(ran.err.strip().splitlines()) <= 4


def test_what_a_scan_prints_can_be_shown(scanned: Cli, storm: Path) -> None:
    lines = scanned("results").out.splitlines()
    assert len(lines) >= STROKES and all(str(storm) in line for line in lines[:STROKES])
    for line in (lines[0], f"{storm}@00:00:02.000  flash  score 0.5  2 frames"):
        assert scanned("show", line).code == 0, line
    assert scanned("show", f"{storm}@99").code == 2


def test_removing_the_last_scan_leaves_nothing(cli: Cli, storm: Path) -> None:
    assert cli.here("scan", storm, "--profile", "storm").code == 0
    assert cli.here("export", "1", "--format", "html", "--out", "page").code == 0
    assert list((cli.library / "pictures").glob("*/*/*.jpg"))
    assert cli.here("runs", "remove", "1").code == 0
    assert not list((cli.library / "pictures").glob("*/*/*.jpg"))
    with sqlite3.connect(cli.library / "library.db") as connection:
        for table in (
            "paths", "contents", "results", "result_rows", "candidate_rows", "moments", "tracks",
            "chunks", "picture_series", "measurings", "specs", "provenances", "tasks",
        ):  # fmt: skip
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
