"""Folders the engine watches: scanned as they fill, kept in mind, ended when somebody says so."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from core.errors import ProfileError, UnknownName, UsageError
from core.protocol.commands import EndWatch, ResumeScan, WatchFolder
from core.protocol.queries import ListScans
from core.protocol.requests.jobs import GetJobs
from core.protocol.state import EngineState
from core.service.attach import attached
from core.service.discovery import running
from core.service.reading import Records
from core.service.remote import RemoteClient
from core.service.stop_engine import ask_to_stop
from core.storage.library import Library
from tests import workbench
from tests.engines import ended, home, viewer
from tests.workbench import STROKES, Cli, wait_for

__all__ = ["home"]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in\x1b[31mbox"
    folder.mkdir()
    return folder


async def until(client: RemoteClient, holds: Callable[[EngineState], bool]) -> EngineState:
    async with asyncio.timeout(30):
        while not holds(state := await client.snapshot()):
            await asyncio.sleep(0.05)
    return state


def finished(scans: int) -> Callable[[EngineState], bool]:
    def holds(state: EngineState) -> bool:
        return not state.scans and [watch.scans for watch in state.watches] == [scans]

    return holds


def paths(library: Path, scan: int) -> list[tuple[str, str, int]]:
    records = Records.open(library)
    try:
        return [(Path(t.path).name, t.state, t.moments) for t in records.tasks(scan)]
    finally:
        records.close()


def test_what_appears_is_scanned_once_even_by_the_engine_after_a_killed_one(
    home: Path, inbox: Path, storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            await client.send(WatchFolder(str(inbox), "storm", settle_seconds=0.3))
            await until(client, lambda state: len(state.watches) == 1)
            shutil.copy(storm, inbox / "a.mp4")
            await until(client, finished(1))
        assert paths(home, 2) == [("a.mp4", "done", STROKES)]
        listening = running(home)
        assert listening is not None
        os.kill(listening.pid, signal.SIGKILL)
        await ended(listening.pid)
        shutil.copy(storm, inbox / "b.mp4")
        async with viewer(home) as client:
            state = await until(client, finished(1))
            assert state.watches[0].folder == str(inbox) and state.watches[0].profile == "storm"
            assert [(job.number, job.kind, job.done) for job in state.jobs] == [(1, "watch", 1)]
        assert paths(home, 3) == [("b.mp4", "known", STROKES)], "a.mp4 was looked at already"

    asyncio.run(run())


def test_a_watch_that_is_ended_is_forgotten(home: Path, inbox: Path, storm: Path) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            await client.send(WatchFolder(str(inbox), "storm", settle_seconds=0.3))
            await client.send(EndWatch(str(inbox)))
            assert (await client.snapshot()).watches == ()
            with pytest.raises(UnknownName, match="is not watched"):
                await client.send(EndWatch(str(inbox)))
            shutil.copy(storm, inbox)
            # Another folder is watched as usual: had the first one been, its scan came before.
            other = inbox.with_name("other")
            other.mkdir()
            shutil.copy(storm, other)
            await client.send(WatchFolder(str(other), "storm", settle_seconds=0.6))
            await until(client, finished(1))
            assert (await client.ask(ListScans(last=10))).total == 1
            await client.send(EndWatch(str(other)))
            await ask_to_stop(client, "now")
        async with viewer(home) as client:
            assert (await client.snapshot()).watches == ()

    asyncio.run(run())


def test_what_cannot_be_watched_is_refused_and_a_folder_that_goes_is_told_of(
    home: Path, inbox: Path, storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            with pytest.raises(UsageError, match="is not a folder"):
                await client.send(WatchFolder(str(storm), "storm"))
            with pytest.raises(ProfileError, match="stagess"):
                await client.send(WatchFolder(str(inbox), "storm", {"stagess": ["flash"]}))
            with pytest.raises(UsageError, match="to 3600 seconds"):
                await client.send(WatchFolder(str(inbox), "storm", settle_seconds=0.0))
            await client.send(WatchFolder(str(inbox), "storm", settle_seconds=0.3))
            inbox.rmdir()
            state = await until(client, lambda state: bool(state.watches[0].trouble))
            assert "is gone" in state.watches[0].trouble and "\x1b" not in state.watches[0].trouble

    asyncio.run(run())


def test_what_could_not_be_scanned_is_tried_again_once_it_can(
    home: Path, inbox: Path, storm: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('extends = "storm"\n')

    async def run() -> None:
        async with viewer(home) as client:
            await client.send(WatchFolder(str(inbox), str(profile), settle_seconds=0.3))
            profile.write_text('extends = "storn"\n')
            shutil.copy(storm, inbox / "a.mp4")
            state = await until(client, lambda state: bool(state.watches[0].trouble))
            assert "storn" in state.watches[0].trouble
            profile.write_text('extends = "storm"\n')
            state = await until(client, finished(1))
            assert state.watches[0].trouble == ""
        assert paths(home, 2) == [("a.mp4", "done", STROKES)]

    asyncio.run(run())


def test_a_folder_that_takes_the_place_of_another_is_watched(
    home: Path, inbox: Path, storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            await client.send(WatchFolder(str(inbox), "storm", settle_seconds=0.3))
            await asyncio.sleep(1.0)
            inbox.rename(inbox.with_name("former"))
            inbox.mkdir()
            shutil.copy(storm, inbox / "a.mp4")
            await until(client, finished(1))
        assert paths(home, 2) == [("a.mp4", "done", STROKES)]

    asyncio.run(run())


def test_stopping_the_engine_stops_what_watches_ask_for(
    home: Path, inbox: Path, long_storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            await client.send(
                WatchFolder(str(inbox), "storm", {"run.batch_size": 16}, settle_seconds=0.3)
            )
            shutil.copy(long_storm, inbox / "a.mp4")
            await until(client, lambda state: bool(state.scans))
            shutil.copy(long_storm, inbox / "b.mp4")
            listening = running(home)
            assert listening is not None
            await ask_to_stop(client, "now")
            await ended(listening.pid)
        assert [name for name, _, _ in paths(home, 2)] == ["a.mp4"]
        with pytest.raises(UnknownName):
            paths(home, 3)

    asyncio.run(run())


def test_an_engine_that_watches_does_not_end_for_want_of_work(
    home: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_ENGINE_IDLE", "0.2")

    async def run() -> None:
        client = await attached(home)
        await client.send(WatchFolder(str(inbox), "storm"))
        await client.close()
        await asyncio.sleep(1.0)
        assert running(home) is not None

    asyncio.run(run())


def test_links_out_of_a_watched_folder_are_followed_only_where_that_was_asked_for(
    home: Path, inbox: Path, storm: Path
) -> None:
    out = inbox.with_name("out")
    out.mkdir()
    shutil.copy(storm, out / "a.mp4")
    (inbox / "link").symlink_to(out)

    async def run() -> None:
        async with viewer(home) as client:
            await client.send(WatchFolder(str(inbox), "storm", settle_seconds=0.3))
            state = await until(client, lambda state: bool(state.watches[0].left_out))
            assert state.watches[0].left_out == "left out: 1 link out of the folder"
            asked = WatchFolder(str(inbox), "storm", settle_seconds=0.3, follow_links=True)
            await client.send(asked)
            state = await until(client, finished(1))
            assert state.watches[0].left_out == ""
            os.kill(client.facts["pid"], signal.SIGKILL)
            await ended(client.facts["pid"])
        assert paths(home, 3) == [("a.mp4", "done", STROKES)]
        shutil.copy(storm, out / "b.mp4")
        async with viewer(home) as client:  # the engine after it remembers
            await until(client, finished(1))
        assert paths(home, 4) == [("b.mp4", "known", STROKES)]

    asyncio.run(run())


def test_the_command_line_hands_a_folder_over_and_takes_it_back(
    home: Path, inbox: Path, tmp_path: Path
) -> None:
    cli = Cli(tmp_path)
    assert cli("watch", inbox, "--profile", "storm", "--detach").code == 0
    said = cli.here("status").out
    assert "watching" in said and "storm, 0 scans" in said and "\x1b" not in said
    assert said.count("box") == 1, "one line for a watched folder"
    assert cli.here("status", "--json").json()[0]["watches"][0]["folder"] == str(inbox)
    assert cli.here("watch", inbox, "--end").code == 0
    assert "watching" not in cli.here("status").out
    again = cli.here("watch", inbox, "--end")
    assert again.code != 0 and "is not watched" in again.err
    assert cli.here("watch", inbox, "--detach").code == 0
    inbox.rmdir()
    assert cli.here("watch", inbox, "--end").code == 0, "also of a folder that is gone"
    assert "not a folder" in cli.here("watch", inbox, "--detach").err


def test_a_watch_is_ended_without_an_engine_and_none_is_started(
    inbox: Path, tmp_path: Path
) -> None:
    cli = Cli(tmp_path)
    none = cli.here("watch", inbox, "--end")
    assert (none.code, running(cli.library)) == (2, None) and "is not watched" in none.err
    assert not cli.library.exists()

    library = Library(cli.library)
    for folder in (inbox, tmp_path):
        plan = asdict(WatchFolder(str(folder), "storm"))
        library.jobs.set_state(library.jobs.create("watch", str(folder), plan), "interrupted")
    library.close()
    assert cli.here("watch", inbox, "--end").code == 0
    assert "is not watched" in cli.here("watch", inbox, "--end").err
    assert running(cli.library) is None
    library = Library(cli.library, writable=False)
    found = {row.title: row.state for row in library.jobs.all("watch")}
    library.close()
    assert found == {str(inbox): "done", str(tmp_path): "interrupted"}


def test_a_command_that_watches_runs_a_job_of_the_engine_and_ends_it(
    home: Path, inbox: Path, storm: Path, tmp_path: Path
) -> None:
    cli = Cli(tmp_path)

    async def run() -> None:
        async with viewer(home) as client:
            command = cli.start(*asked)
            shutil.copy(storm, inbox / "a.mp4")
            wait_for(command, "ScanFinished")
            state = await until(client, finished(1))
            assert [(job.number, job.kind, job.standing) for job in state.jobs] == [
                (1, "watch", True)
            ]
            command.send_signal(signal.SIGINT)
            assert workbench.finished(command).code == 0
            assert (await client.snapshot()).watches == ()

            # The engine continues the watch of a killed command; the engine after it does not.
            killed = cli.start(*asked)
            await until(client, lambda state: bool(state.watches))
            killed.kill()
            workbench.finished(killed)
            await ask_to_stop(client, "now")
            await ended(client.facts["pid"])  # else the next viewer may meet it while it ends
        async with viewer(home) as client:
            assert (await client.snapshot()).watches == (), "no command waits for it"
            jobs = (await client.ask(GetJobs("watch"))).jobs
            assert [job.state for job in jobs] == ["interrupted", "done"]
            await client.send(ResumeScan(jobs[0].number))
            await until(client, lambda state: bool(state.watches))

    asked = ("watch", inbox, "--json", "--settle", "0.3", "--profile", "storm")
    asyncio.run(run())
