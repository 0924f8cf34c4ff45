"""What kills, full disks and a library that goes away must not cost. Kills are SIGKILL."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.engine.job import JobContext
from core.engine.job_end import Ended
from core.engine.jobs import watch
from core.errors import DiskFull, EnvironmentFault, LibraryGone
from core.pipeline.channel import Cancelled
from core.protocol.commands import SubmitScan, WatchFolder
from core.protocol.messages import Message, Warned
from core.service.discovery import running
from core.storage.library import Library
from core.storage.runs import TaskRow
from core.system.disk_errors import disk_fault, disk_fault_of
from tests.engines import ended, home, viewer
from tests.workbench import STROKES, Cli, Ran, finished, wait_for

__all__ = ["home"]
# A command that kills itself the moment it comes to a function.
KILLED_AT = """
import os, signal, sys
from importlib import import_module
module, _, path = sys.argv.pop(1).partition(":")
owner = import_module(module)
*parts, name = path.split(".")
for part in parts:
    owner = getattr(owner, part)
setattr(owner, name, lambda *_args, **_named: os.kill(os.getpid(), signal.SIGKILL))
from core.cli.main import main
main()
"""


def killed_at(cli: Cli, place: str, *args: str | Path) -> Ran:
    command = [sys.executable, "-c", KILLED_AT, place, *(os.fspath(arg) for arg in args)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], env=cli.env, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def row(number: int, path: str, state: str, content: str | None = None) -> TaskRow:
    return TaskRow(0, number, path, "video", content, state, "", 7, 2, 0.0)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path / "library")
    yield made
    with suppress(EnvironmentFault):
        made.close()


# Scans cut short


def test_killed_at_every_stage_of_its_life_a_scan_can_be_resumed(
    tmp_path: Path, storm: Path
) -> None:
    for place, code in (
        ("core.engine.job_runner:JobRunner.start", 0),  # planned, nothing begun
        ("core.scans.scan_job:ScanJob._one", 0),  # before the first source
        ("core.scans.task_results:TaskResults.video", 0),  # measured, not noted
        ("core.storage.runs:Runs.set_state", 0),  # after the last source
        ("core.storage.export.table:write_scan", 0),  # while its results are written
    ):
        home = tmp_path / place.rpartition(":")[2]
        home.mkdir()
        cli, out = Cli(home), home / "out"
        killed_at(cli, place, "scan", storm, "--profile", "storm", "--out", out)
        resumed = cli.here("runs", "resume", "1", "--out", out)
        assert resumed.code == code, (place, resumed.err)
        (line,) = cli.here("runs", "list", "--json").json()
        assert (line["state"], line["left"], line["moments"]) == ("done", 0, STROKES), place
        assert {path.name for path in out.iterdir() if path.suffix != ".part"} == {
            "storm.mp4.json", "storm.mp4.csv", "summary.json",
        }  # fmt: skip


def test_a_complete_scan_is_done_for_whoever_looks_and_resuming_it_succeeds_once(
    cli: Cli, storm: Path
) -> None:
    killed_at(cli, "core.storage.runs:Runs.set_state", "scan", storm, "--profile", "storm")
    assert cli.here("runs", "list", "--json").json()[0]["state"] == "done"
    other = cli.here("scan", storm, "--profile", "quick")  # another engine opens the library
    assert other.code == 0
    resumed = cli.here("runs", "resume", "1", "--json")
    assert resumed.code == 0
    assert [body["type"] for body in resumed.json()] == ["ScanStarted", "ScanFinished"]
    again = cli.here("runs", "resume", "1")
    assert again.code == 2 and "nothing left to do" in again.err


def test_what_a_later_scan_did_is_taken_over(library: Library) -> None:
    runs = library.runs
    hit = [row(1, "/a", "queued"), row(2, "/b", "queued"), row(3, "/c", "done", "b2:c")]
    first = runs.create("p", {}, "same", {"mode": "default", "paths": []}, hit)
    redo = runs.create("p", {}, "same", {"mode": "redo", "paths": []}, [row(1, "/a", "queued")])
    other = runs.create("p", {}, "other", {"mode": "default", "paths": []}, hit[:1])
    ended = [row(1, "/a", "known", "b2:a"), row(2, "/b", "failed")]
    last = runs.create("p", {}, "same", {"mode": "default", "paths": []}, ended)
    runs.set_state(last, "done")
    assert runs.settle() == [first]
    assert [task.state for task in runs.tasks(first)] == ["known", "failed", "done"]
    assert (runs.tasks(first)[0].content, runs.tasks(first)[0].moments) == ("b2:a", 2)
    states = {scan: runs.get(scan).state for scan in (first, redo, other, last)}
    assert states == {first: "done", redo: "interrupted", other: "interrupted", last: "done"}
    read = runs.create("p", {}, "same", {"paths": []}, [row(1, "/a", "done", "b2:a")])
    assert runs.settle({read}, later=read) == [redo], "a redo takes over what was read since"


def test_a_scan_that_waits_is_left_alone(library: Library) -> None:
    asked: dict[str, Any] = {"mode": "default", "paths": []}
    waiting = library.runs.create("p", {}, "same", asked, [row(1, "/a", "queued")])
    empty = library.runs.create("p", {}, "same", asked, [])
    assert library.runs.settle({waiting, empty}) == []
    assert library.runs.get(waiting).state == library.runs.get(empty).state == "running"


# Readers killed from outside


def reader_of(process: subprocess.Popen[bytes]) -> psutil.Process | None:
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children():
            if "core.sources.child" in child.cmdline():
                return child
    return None


def test_a_file_whose_reader_is_killed_is_read_once_more_and_costs_no_other(
    cli: Cli, long_storm: Path, storm: Path
) -> None:
    process = cli.start(
        "scan", long_storm, storm, "--profile", "storm", "--json", "--set", "run.batch_size=16",
        "--set", "run.parallel=1",
    )  # fmt: skip
    wait_for(process, "BatchDone", 2)
    reader = reader_of(process)
    assert reader is not None
    reader.kill()
    ran = finished(process)
    assert ran.code == 0, ran.err
    assert "reading it again" in ran.err
    ends = [(Path(task["path"]).name, task["state"]) for task in ran.of("TaskFinished")]
    assert ends == [("storm.mp4", "done"), ("b-long.mp4", "done")], "it is read alone, at the end"


def killing(process: subprocess.Popen[bytes], ended: threading.Event) -> None:
    while not ended.wait(0.01):
        reader = reader_of(process)
        if reader is not None:
            with suppress(psutil.Error):
                reader.kill()


def test_a_file_whose_reader_is_always_killed_is_not_blamed_and_tried_by_the_next_scan(
    cli: Cli, storm: Path, pictures: Path
) -> None:
    picture = pictures / "one.png"
    process, over = cli.start("scan", storm, picture, "--profile", "quick"), threading.Event()
    killer = threading.Thread(target=killing, args=(process, over))
    killer.start()
    ran = finished(process)
    over.set()
    killer.join()
    assert ran.code == 1
    for path in (storm, picture):
        (line,) = (x for x in ran.err.splitlines() if x.startswith(f"failed: {path}"))
        assert "killed from outside (signal 9" in line and "hostile" not in line
    again = cli.here("scan", storm, picture, "--profile", "quick", "--json")
    assert again.code == 0
    assert [task["state"] for task in again.of("TaskFinished")] == ["done", "done"]


# The library goes away


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_library_that_goes_away_during_a_scan_is_exit_4(
    cli: Cli, long_storm: Path, how: str
) -> None:
    process = cli.start(
        "scan", long_storm, "--profile", "storm", "--json", "--set", "run.batch_size=16",
        "--out", cli.home / "out",
    )  # fmt: skip
    wait_for(process, "BatchDone", 2)
    elsewhere = cli.library.with_name("elsewhere")
    if how == "deleted":
        shutil.rmtree(cli.library)
    else:
        cli.library.rename(elsewhere)
    if how == "replaced":
        shutil.copytree(elsewhere, cli.library)
    ran = finished(process)
    assert ran.code == 4
    (line,) = (x for x in ran.err.splitlines() if x.startswith("warning:"))
    assert "deleted, moved or replaced" in line and "resume" not in line
    (end,) = ran.of("ScanFinished")
    assert (end["state"], end["fault"]) == ("interrupted", "LibraryGone")
    assert not any((cli.home / "out").iterdir()), "nothing is exported of it"
    assert how == "replaced" or not cli.library.exists(), "it is not made again"


def test_a_commit_to_a_file_nobody_finds_is_an_error(library: Library) -> None:
    library.database.check_there()
    library.folder.rename(library.folder.with_name("elsewhere"))
    with pytest.raises(LibraryGone, match="deleted, moved or replaced"):
        library.runs.create("p", {}, "hash", {}, [])
    with pytest.raises(EnvironmentFault):
        library.thumbnails.put("b2:0", 1.0, 100, b"jpeg")
    assert not library.folder.exists()


def test_an_engine_whose_library_goes_away_ends_and_leaves_its_successor_alone(
    home: Path, storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            first = running(home)
            assert first is not None
            shutil.rmtree(home)
            async with viewer(home) as other:
                second = running(home)
                assert second is not None and second.pid != first.pid
                await ended(first.pid)
                assert running(home) == second
                await other.snapshot()
            assert client is not None

    asyncio.run(run())


# Full disks


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Give disks of their own: full, without inodes, read-only. Needs the right to mount."""
    mounted: list[Path] = []

    def make(kind: str) -> Path:
        path = tmp_path / f"disk-{kind}"
        path.mkdir()
        size = {"inodes": "size=1m,nr_inodes=3"}.get(kind, "size=64k")
        command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(path)]
        if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
            pytest.skip("no right to mount a small disk")
        mounted.append(path)
        (path / "here").mkdir()
        with suppress(OSError):
            for name in ("a", "b"):
                (path / name).write_bytes(b"" if kind == "inodes" else bytes(40_000))
        if kind == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(path)], check=True)
        return path

    yield make
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=False)


def test_a_disk_that_takes_nothing_is_exit_4_with_one_line_wherever_it_is_met(
    scanned: Cli, disk: Callable[..., Path], storm: Path, tmp_path: Path
) -> None:
    for kind in ("full", "inodes", "read-only"):
        full = disk(kind)
        calls: list[tuple[str | Path, ...]] = [
            ("--library", full / "new", "scan", storm), ("--library", full / "here", "scan", storm),
            ("--library", full / "here", "watch", tmp_path, "--no-ui"),
            ("--library", full / "here", "watch", tmp_path, "--detach"),
            ("scan", storm, "--out", full / "new"), ("scan", storm, "--clips", full / "here"),
            ("export", "1", "--out", full / "here", "--format", "html"),
            ("show", f"{storm}@1.36", "--picture", full / "here" / "x.jpg"),
            ("demo", "--out", full / "demo"),
        ]  # fmt: skip
        for args in calls:
            ran = scanned.here(*args)
            said = [line for line in ran.err.splitlines() if not line.startswith("drawing")]
            assert (ran.code, len(said), ran.out) == (4, 1, ""), (kind, args, ran.err)
            assert "defect" not in ran.err and "ended with code" not in ran.err


def test_errors_of_the_machine_are_told_from_defects() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT):
        fault = disk_fault(OSError(number, "words"), Path("/there/x"))
        assert isinstance(fault, DiskFull) and "/there/x" in str(fault)
    for number in (errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO):
        report = disk_fault_of(OSError(number, os.strerror(number), "/there/x"))
        assert report is not None and report.exit_code == 4 and "/there/x" in str(report)
    assert disk_fault_of(OSError(errno.EBADF, "bad")) is None
    nowhere = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    assert "TMPDIR" in str(disk_fault_of(nowhere))


def test_a_quota_that_sqlite_cannot_name_is_a_full_disk(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    from core.storage import database

    def refused(_folder: Path) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(database, "probe", refused)
    for words in ("disk I/O error", "unable to open database file"):
        with pytest.raises(DiskFull, match="quota"), library.database.transaction():
            raise sqlite3.OperationalError(words)


def test_stderr_on_a_full_disk_stops_no_scan(cli: Cli, storm: Path) -> None:
    from tests.workbench import COMMAND

    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "scan", str(storm), "--profile", "storm"],
            env=cli.env, stdout=subprocess.PIPE, stderr=full, check=False,
        )  # fmt: skip
    assert (done.returncode, len(done.stdout.splitlines())) == (0, STROKES)


# Watching


def test_a_watch_takes_its_scan_up_again_once_there_is_room(
    library: Library, storm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.01)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(storm, inbox)
    submitted: list[SubmitScan] = []
    resumed: list[int] = []
    ends: list[Ended | None] = [None, Ended("interrupted", "no room left", "DiskFull")] * 2
    ends += [None, Ended("done")]
    said: list[Message] = []
    over = threading.Event()

    def submit(command: SubmitScan) -> int:
        submitted.append(command)
        return 1

    def resume(scan: int) -> int:
        resumed.append(scan)
        if len(resumed) == 1:
            raise DiskFull("there is no room yet")
        return scan

    def ended(_scan: int) -> Ended | None:
        end = ends.pop(0) if len(ends) > 1 else ends[0]
        if end == Ended("done"):
            over.set()
        return end

    def unused(*_args: Any) -> Any:
        raise AssertionError

    context = JobContext(
        library, said.append, unused, 0, unused, submit, resume, ended, unused,
        lambda _kind, _title: None, lambda: (), unused,
    )  # fmt: skip
    job = watch.Watch.submit(context, WatchFolder(str(inbox), "storm", settle_seconds=0.2))

    def run() -> None:
        with suppress(Cancelled):
            job.run()

    thread = threading.Thread(target=run)
    thread.start()
    assert over.wait(60)
    job.suspend()
    thread.join(60)
    assert not thread.is_alive() and not job.is_complete
    assert len(submitted) == 1 and resumed == [1] * len(resumed) and len(resumed) > 1
    (warning,) = said
    assert isinstance(warning, Warned) and "once space is free" in warning.text


def test_a_killed_watch_leaves_no_scan_behind_that_a_later_one_did(
    cli: Cli, long_storm: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    clip = shutil.copy(long_storm, folder)
    process = cli.start(
        "watch", folder, "--json", "--settle", "0.2", "--profile", "storm",
        "--set", "run.batch_size=16",
    )  # fmt: skip
    wait_for(process, "BatchDone", 2)
    process.send_signal(signal.SIGKILL)
    finished(process)
    assert cli.here("runs", "list", "--json").json()[0]["state"] == "interrupted"
    assert cli.here("scan", clip, "--profile", "storm", "--set", "run.batch_size=16").code == 0
    lines = cli.here("runs", "list", "--json").json()
    assert [(line["state"], line["left"]) for line in lines] == [("done", 0), ("done", 0)]
