"""Jobs of every kind: one sequence of numbers, killed midway, resumed, refused by name."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from core.engine.job_registry import KINDS
from core.errors import UsageError
from core.protocol.commands import (
    CancelScan,
    CheckBatches,
    ContinueScan,
    MoveScan,
    PauseScan,
    RemoveScan,
    ResumeScan,
    SubmitScan,
    VerifyScan,
    WatchFolder,
)
from core.protocol.messages import JobFinished, JobReported, ScanFinished
from core.protocol.queries import ListTasks
from core.service.client import LocalClient
from core.service.discovery import running
from core.service.reading import Records
from core.service.remote import RemoteClient
from core.storage.library import Library
from tests.engines import as_received, home, viewer
from tests.hub.conftest import MEBIBYTE, model_files
from tests.hub.local_hub import LocalHub
from tests.tiny.shelf import tiny_model
from tests.workbench import Cli, InProcess, finished

__all__ = ["home"]


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[LocalClient]:
    client = await LocalClient.open(folder)
    try:
        yield client
    finally:
        await client.close()


async def ended(client: LocalClient, job: int) -> Any:
    async with asyncio.timeout(120):
        async for _, message in client.events(0):
            if message.scan == job and isinstance(message, (JobFinished, ScanFinished)):
                return message
    raise AssertionError


def rows(library: Path, job: int) -> int:
    """Return how many finished units of work a library holds, read beside the engine."""
    try:
        with closing(sqlite3.connect(f"file:{library / 'library.db'}?mode=ro", uri=True)) as db:
            found = db.execute("SELECT count(*) FROM job_rows WHERE job = ?", (job,))
            return int(found.fetchone()[0])
    except sqlite3.Error:
        return 0


def count_rewrites(library: Path) -> None:
    """Let the library itself note units of work that are done although they are kept."""
    with closing(sqlite3.connect(library / "library.db")) as database:
        database.executescript("""
            CREATE TABLE rewrites (job INTEGER);
            CREATE TRIGGER rewritten BEFORE INSERT ON job_rows
            WHEN EXISTS (SELECT 1 FROM job_rows WHERE job = NEW.job AND number = NEW.number)
            BEGIN INSERT INTO rewrites VALUES (NEW.job); END;
        """)


def rewrites(library: Path) -> int:
    with closing(sqlite3.connect(library / "library.db")) as database:
        return int(database.execute("SELECT count(*) FROM rewrites").fetchone()[0])


def killed_with_rows(cli: Cli, process: subprocess.Popen[bytes], job: int, least: int) -> int:
    """Kill a command once so many units of work are kept; return how many there were then."""
    limit = time.monotonic() + 120
    while rows(cli.library, job) < least:
        assert process.poll() is None, finished(process).err
        assert time.monotonic() < limit
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    finished(process)
    return rows(cli.library, job)


def steady(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of a batch check without what is measured in seconds."""
    return {k: v for k, v in line.items() if k not in ("frames_per_second", "speed", "peak_bytes")}


def test_a_killed_verification_goes_on_and_says_what_an_undisturbed_one_says(
    cli: Cli, storm: Path, pictures: Path
) -> None:
    folder = cli.home / "footage"
    shutil.copytree(pictures, folder)
    for number in range(3):  # other contents, so that each is measured
        (folder / f"{number}.mp4").write_bytes(storm.read_bytes() + bytes([number]))
    assert cli("scan", folder, "--profile", "quick").code == 0
    whole = cli("runs", "verify", "1", "--json")
    assert whole.code == 0, whole.err
    assert {line["state"] for line in whole.json()} == {"same"}
    process = cli.start("runs", "verify", "1", "--json")
    kept = killed_with_rows(cli, process, 3, 1)
    assert 0 < kept < len(whole.json())
    count_rewrites(cli.library)
    again = cli("runs", "resume", "3", "--json")
    assert (again.code, again.out) == (0, whole.out), again.err
    assert rewrites(cli.library) == 0, "what was compared is not measured again"
    assert not (cli.library / "scratch" / "3").exists()
    jobs = cli("runs", "list", "--all", "--json").json()
    assert [(j["number"], j["kind"], j["state"]) for j in jobs] == [
        (3, "verification", "done"), (2, "verification", "done"), (1, "scan", "done"),
    ]  # fmt: skip
    assert [line["scan"] for line in cli("runs", "list", "--json").json()] == [1]


def test_a_killed_batch_check_goes_on_with_the_sizes_that_are_left(cli: Cli, storm: Path) -> None:
    args = ("check", "batch", storm, "--profile", "quick", "--sizes", "16,64,256", "--json")
    whole = cli(*args)
    assert whole.code == 0, whole.err
    kept = killed_with_rows(cli, cli.start(*args), 2, 1)
    assert 0 < kept < 3
    count_rewrites(cli.library)
    again = cli("runs", "resume", "2", "--json")
    assert again.code == 0, again.err
    assert list(map(steady, again.json())) == list(map(steady, whole.json()))
    assert rewrites(cli.library) == 0
    assert not list((cli.library / "scratch").iterdir())
    assert cli("runs", "list", "--json").out == "", "no scan of it is among the user's"


@pytest.fixture
def hub(cli: Cli) -> Iterator[LocalHub]:
    with LocalHub() as made:
        for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "MINICPM_REVISION"):
            cli.env.pop(name, None)
        cli.env |= {"HF_ENDPOINT": made.url, "HF_HOME": str(cli.home / "hf"),
                    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}  # fmt: skip
        yield made


def test_a_killed_download_is_a_job_that_is_resumed(cli: Cli, hub: LocalHub) -> None:
    files = model_files(mebibytes=8)
    hub.add("org/tiny", files)
    hub.faults.bytes_per_second = 4 * MEBIBYTE
    command = [sys.executable, "-m", "core.service.server", str(cli.library)]
    engine = subprocess.Popen(command, cwd=Path(__file__).parents[1], env=cli.env)
    while running(cli.library) is None:
        assert engine.poll() is None
        time.sleep(0.02)
    process = cli.start("models", "pull", "org/tiny")
    hub.wait_served(2 * MEBIBYTE, seconds=60)
    engine.kill()
    engine.wait()
    finished(process)
    hub.faults.bytes_per_second = 0
    (job,) = cli("runs", "list", "--kind", "download", "--json").json()
    assert (job["number"], job["title"], job["state"]) == (1, "org/tiny", "interrupted")
    again = cli("runs", "resume", "1")
    assert again.code == 0, again.err
    folder = Path(again.out.split()[2])
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert hub.served_bytes <= sum(map(len, files.values())) + MEBIBYTE
    (job,) = cli("runs", "list", "--kind", "download", "--json").json()
    assert (job["state"], job["done"]) == ("done", job["total"])


def test_jobs_take_turns_in_one_queue_and_obey_by_number(
    tmp_path: Path, storm: Path, long_storm: Path
) -> None:
    async def run() -> None:
        async with engine(tmp_path / "library") as client:
            first = await client.send(SubmitScan((str(storm),), "quick"))
            await ended(client, first)
            slow = await client.send(SubmitScan((str(long_storm),), "quick"))
            await client.send(PauseScan(slow))
            verify = await client.send(VerifyScan(first))
            check = await client.send(CheckBatches((str(storm),), "quick", {}, (64,)))
            assert (slow, verify, check) == (2, 3, 4)
            await client.send(MoveScan(check, -1))
            state = await client.snapshot()
            assert [job.number for job in state.jobs] == [slow, check, verify]
            assert [job.kind for job in state.jobs] == ["scan", "batch-check", "verification"]
            assert [job.state for job in state.jobs][1:] == ["queued", "queued"]
            assert as_received(state) == state
            page = await client.ask(ListTasks(first=0, last=10))
            assert [(row["scan"], row["number"], row["kind"]) for row in page.rows][:2] == [
                (check, 0, "batch-check"), (verify, 0, "verification"),
            ]  # fmt: skip
            for refused in (RemoveScan(verify), ResumeScan(verify)):
                with pytest.raises(UsageError, match=f"verification {verify} is running"):
                    await client.send(refused)
            await client.send(CancelScan(check))
            assert (await ended(client, check)).state == "interrupted"
            await client.send(ContinueScan(slow))
            await client.send(CancelScan(slow))
            assert (await ended(client, verify)).state == "done"
            await client.send(ResumeScan(check))
        with closing(Library(tmp_path / "library", writable=False)) as library:
            assert Records(library).job(verify).state == "done"
            assert Records(library).job(check).state == "interrupted", "the engine was closed"

    asyncio.run(run())


def test_all_jobs_share_one_owner_of_models(tmp_path: Path, pictures: Path) -> None:
    model = str(tiny_model("clip"))

    async def run() -> None:
        async with engine(tmp_path) as client:
            settings = {"stages": ["embed"], "embed.model": model}
            scan = await client.send(SubmitScan((str(pictures),), "quick", settings))
            await ended(client, scan)
            loaded = (await client.snapshot()).models
            check = CheckBatches((str(pictures),), "quick", settings, (1, 2), 1, 2)
            for job in (VerifyScan(scan), check):
                end = await ended(client, await client.send(job))
                assert (end.state, end.reason) == ("done", "")
            after = (await client.snapshot()).models
            assert [m.name for m in after] == [m.name for m in loaded] and len(loaded) == 1
            said = [m.body async for m in _reports(client, 3)]
            assert [line["stages"][0]["same"] for line in said] == [2, 2]

    asyncio.run(run())


async def _reports(client: LocalClient, job: int) -> AsyncIterator[JobReported]:
    async for _, message in client.events(0):
        if isinstance(message, JobReported) and message.scan == job:
            yield message
        if isinstance(message, JobFinished) and message.scan == job:
            return


def test_commands_use_the_engine_that_runs_and_ctrl_c_leaves_the_job_to_be_resumed(
    home: Path, cli: Cli, storm: Path, long_storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            await client.send(SubmitScan((str(storm),), "quick"))
            verified = await asyncio.to_thread(cli, "runs", "verify", "1", "--json")
            assert [line["state"] for line in verified.json()] == ["same"], verified.err
            assert await _finished(client, 2) == "done", "it was a job of this engine"
            process = cli.start("check", "batch", long_storm, "--profile", "quick")
            async with asyncio.timeout(60):
                while [job.number for job in (await client.snapshot()).jobs] != [3]:
                    await asyncio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            stopped = await asyncio.to_thread(finished, process)
            assert stopped.code == 130 and "sightline runs resume 3" in stopped.err
            assert await _finished(client, 3) == "interrupted"

    asyncio.run(run())


async def _finished(client: RemoteClient, job: int) -> str:
    async with asyncio.timeout(60):
        async for _, message in client.events(0):
            if isinstance(message, JobFinished) and message.scan == job:
                return message.state
    raise AssertionError


def test_a_watched_folder_is_a_job_until_it_is_ended(tmp_path: Path, storm: Path) -> None:
    library, inbox = tmp_path / "library", tmp_path / "in"
    inbox.mkdir()

    async def run() -> None:
        async with engine(library) as client:
            watch = await client.send(WatchFolder(str(inbox), "quick", settle_seconds=0.2))
            shutil.copy(storm, inbox / "a.mp4")
            assert (await ended(client, watch + 1)).state == "done"
        async with engine(library) as client:
            client.watch_again()
            (job,) = (await client.snapshot()).jobs
            assert (job.number, job.kind, job.title) == (watch, "watch", str(inbox))
            await client.send(CancelScan(watch))
            assert (await ended(client, watch)).state == "done"
            client.watch_again()
            assert (await client.snapshot()).jobs == ()

    asyncio.run(run())


def test_a_kind_that_this_version_does_not_know_is_kept(inside: InProcess, storm: Path) -> None:
    assert inside("scan", storm, "--profile", "quick").code == 0
    with closing(sqlite3.connect(inside.library / "library.db")) as database:
        database.execute(
            "INSERT INTO scans (created, profile, spec, spec_hash, state, asked, job_kind, title, "
            "plan) VALUES ('2031-01-01', '', 'no JSON', '', 'running', 'neither', "
            "'compare\x1b[2J', 'a and b', '[3]')"
        )
        rows = [(1, '{"x": 1}'), (2, "[7, 8]"), (3, "no JSON")]
        database.executemany("INSERT INTO job_rows VALUES (2, ?, ?)", rows)
        database.commit()
        before = database.execute("SELECT * FROM scans WHERE id = 2").fetchone()
    assert inside("scan", storm, "--profile", "quick").code == 0
    listed = inside("runs", "list", "--all")
    assert "unknown (compare" in listed.out and b"\x1b" not in listed.raw_out
    assert inside("runs", "list", "--kind", "download", "--json").json() == []
    mistyped = inside("runs", "list", "--kind", "downlod")
    assert mistyped.code == 2 and "did you mean 'download'?" in mistyped.err
    shown = inside("runs", "show", "2")
    assert shown.code == 0 and "a and b" in shown.out
    assert shown.out.splitlines()[1:] == ["  x 1", "  value 7; 8", "  value no JSON"]
    for args in (("runs", "resume", "2"), ("runs", "remove", "2")):
        refused = inside(*args)
        assert refused.code == 2 and "does not know" in refused.err
        assert b"\x1b" not in refused.raw_err
        assert running(inside.library) is None  # no engine was started only to refuse it
    assert inside("runs", "remove", "1").code == 0
    with closing(sqlite3.connect(inside.library / "library.db")) as database:
        assert database.execute("SELECT * FROM scans WHERE id = 2").fetchone() == before


def test_a_batch_check_planned_by_another_version_is_refused(inside: InProcess) -> None:
    Library(inside.library).close()
    for plan in ('{"rounds": 1}', '{"sizes": ["x"], "rounds": 1}', '{"sizes": 3, "rounds": 1}'):
        with closing(sqlite3.connect(inside.library / "library.db")) as database:
            database.execute("DELETE FROM scans")
            row = database.execute(
                "INSERT INTO scans (created, profile, spec, spec_hash, state, asked, job_kind, "
                "plan) VALUES ('', '', '{}', '', 'interrupted', '{}', 'batch-check', ?)", (plan,)
            )  # fmt: skip
            number = row.lastrowid
            database.commit()
        refused = inside("runs", "resume", str(number))
        assert refused.code == 2 and "its plan was written by another version" in refused.err


def test_what_needs_a_scan_refuses_another_kind_by_name(inside: InProcess, storm: Path) -> None:
    assert inside("scan", storm, "--profile", "quick").code == 0
    assert inside("runs", "verify", "1").out.startswith("same")
    for args in (("results", "2"), ("export", "2", "--out", "o"), ("runs", "verify", "2")):
        refused = inside(*args)
        assert refused.code == 2, args
        assert "job 2 is a verification, not a scan" in refused.err, args
    assert inside("runs", "resume", "2", "--out", "o").code == 2
    assert inside("runs", "remove", "2").code == 0
    assert [job["number"] for job in inside("runs", "list", "--all", "--json").json()] == [1]


def test_every_kind_is_one_class_that_says_what_it_is() -> None:
    for name in KINDS.names():
        kind = KINDS.load(name)
        assert kind.kind == name and kind.unit
