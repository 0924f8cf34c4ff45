"""The engine as a process of its own: attach, leave, lose it, find it again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from core.errors import EngineGone, EnvironmentFault, UnknownName, UsageError
from core.protocol.commands import CorrectFrame, EndScan, MarkFrame, MoveScan, PauseScan, SubmitScan
from core.protocol.messages import BatchDone, Message, ScanFinished
from core.protocol.queries import ExportRequest, ListLogLines, ListResults, ListScans, ListTasks
from core.protocol.requests.exports import ExportResults, ExportRows
from core.protocol.requests.instants import GetInstant
from core.protocol.requests.pictures import GetStill
from core.service.attach import attached
from core.service.discovery import discovery_file, running, socket_path
from core.service.remote import RemoteClient
from core.service.stop_engine import ask_to_stop
from core.times import WrittenTime
from tests.engines import end_engines, ended, home, viewer
from tests.tui.viewing import copied, end_engine
from tests.workbench import STROKES, Cli, InProcess
from tui.bridge import Bridge

__all__ = ["home"]
SMALL = {"run.batch_size": 16}


@pytest.fixture(scope="module")
def looked_at(scanned: InProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A library with one finished scan (profile quick), and an engine. Only read it."""
    library = tmp_path_factory.mktemp("looked-at") / "library"
    copied(scanned.library, library)
    yield library
    end_engine(library)


async def until(client: RemoteClient, kind: type[Message], since: int = 0) -> Any:
    async with asyncio.timeout(60):
        async for _, event in client.events(since):
            if isinstance(event, kind):
                return event
    raise AssertionError


def test_a_scan_goes_on_when_its_viewer_leaves_and_the_next_one_hears_all(
    home: Path, long_storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as first:
            scan = await first.send(SubmitScan((str(long_storm),), "storm", SMALL))
            await until(first, BatchDone)
            pid = first.facts["pid"]
        async with viewer(home) as second:
            assert second.facts["pid"] == pid
            end = await until(second, ScanFinished)
            assert (end.scan, end.state, end.moments) == (scan, "done", STROKES * 12)
            assert (await second.snapshot()).scans == ()

    asyncio.run(run())


def test_nobody_else_may_talk_to_it_and_nothing_of_it_stays_behind(home: Path) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            mode = os.stat(socket_path(home)).st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o600
            assert stat.S_IMODE(discovery_file(home).stat().st_mode) == 0o600
            await ask_to_stop(client, "now")
            await ended(client.facts["pid"])
        assert not socket_path(home).exists()
        assert running(home) is None

    asyncio.run(run())


def test_two_who_come_at_once_meet_the_same_engine(home: Path) -> None:
    async def run() -> None:
        one, two = await asyncio.gather(attached(home), attached(home))
        assert one.facts["pid"] == two.facts["pid"]
        await one.close()
        await two.close()

    asyncio.run(run())


def test_a_library_path_too_long_for_a_socket_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Path(tempfile.mkdtemp(prefix="run-"))  # tmp_path may itself be too long for a socket
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    library = tmp_path / ("long-" * 20) / "library"

    async def run() -> None:
        async with viewer(library) as client:
            assert Path(client.facts["socket"]).parent == runtime / "sightline"
            await ask_to_stop(client, "now")
            await ended(client.facts["pid"])

    asyncio.run(run())
    shutil.rmtree(runtime)


def test_killed_engine_is_noticed_and_the_next_one_can_resume(home: Path, long_storm: Path) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            await client.send(SubmitScan((str(long_storm),), "storm", SMALL))
            await until(client, BatchDone)
            os.kill(client.facts["pid"], signal.SIGKILL)
            with pytest.raises(EngineGone):
                await until(client, ScanFinished)
            with pytest.raises(EngineGone):
                await client.snapshot()
            await ended(client.facts["pid"])
        async with viewer(home) as client:
            page = await client.ask(ListScans(last=10))
            assert [row["state"] for row in page.rows] == ["interrupted"]

    asyncio.run(run())


def test_one_who_only_looks_changes_nothing(home: Path, storm: Path) -> None:
    async def run() -> None:
        async with viewer(home, readonly=True) as client:
            with pytest.raises(UsageError, match="--readonly"):
                await client.send(SubmitScan((str(storm),), "storm"))
            with pytest.raises(UsageError, match="--readonly"):
                await ask_to_stop(client, "now")
            assert (await client.snapshot()).scans == ()

    asyncio.run(run())


def test_an_engine_of_another_protocol_is_told_apart(home: Path) -> None:
    async def run() -> None:
        async with viewer(home):
            path = discovery_file(home)
            body = json.loads(path.read_text())
            path.write_text(json.dumps(body | {"protocol": 99, "version": "9.9"}))
            with pytest.raises(EnvironmentFault, match=r"9\.9.*sightline engine stop"):
                await attached(home)
            path.write_text(json.dumps(body))

    asyncio.run(run())


def test_a_viewer_that_never_reads_and_one_that_talks_nonsense_hold_up_nobody(
    home: Path, long_storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            with socket.socket(socket.AF_UNIX) as stalled, socket.socket(socket.AF_UNIX) as odd:
                stalled.connect(str(socket_path(home)))
                odd.connect(str(socket_path(home)))
                odd.sendall(b"\x1b]52;c;xxx\n{}\n[1]\n" + b'{"id": 1, "ask": {"type": "rm"}}\n')
                for _ in range(200):
                    stalled.sendall(b'{"id": 1, "events": 0}\n')
                await client.send(SubmitScan((str(long_storm),), "storm", SMALL))
                assert (await until(client, ScanFinished)).state == "done"
                odd.settimeout(5)
                assert b"does not know this request" in odd.recv(100_000)

    asyncio.run(run())


def test_waiting_scans_move_and_the_running_one_ends_after_its_source(
    home: Path, long_storm: Path, storm: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "footage"
    folder.mkdir()
    os.link(long_storm, folder / "1.mp4")
    os.link(storm, folder / "2.mp4")

    async def run() -> None:
        async with viewer(home) as client:
            settings = {**SMALL, "run.parallel": 1}
            first = await client.send(SubmitScan((str(folder),), "storm", settings))
            await until(client, BatchDone)
            second = await client.send(SubmitScan((str(storm),), "quick"))
            third = await client.send(SubmitScan((str(storm),), "dev", {"stages": ["cut"]}))
            await client.send(MoveScan(third, -5))
            await client.send(PauseScan(second))
            state = await client.snapshot()
            assert [(scan.scan, scan.state) for scan in state.scans] == [
                (first, "running"), (third, "queued"), (second, "paused"),
            ]  # fmt: skip
            page = await client.ask(ListTasks(last=10))
            assert [row["scan"] for row in page.rows] == [first, first, third, second]
            await client.send(EndScan(first))
            end = await until(client, ScanFinished)
            assert (end.scan, end.state, end.done) == (first, "interrupted", 1)

    asyncio.run(run())


def test_stopping_after_the_source_in_hand_finishes_it_first(home: Path, long_storm: Path) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            await client.send(SubmitScan((str(long_storm),), "storm", SMALL))
            await until(client, BatchDone)
            await ask_to_stop(client, "after_source")
            await ended(client.facts["pid"])
        async with viewer(home) as client:
            page = await client.ask(ListTasks(last=10))
            assert [row["state"] for row in page.rows] == ["done"]

    asyncio.run(run())


def test_results_come_in_pages_narrowed_and_sorted(looked_at: Path) -> None:
    async def run() -> None:
        async with viewer(looked_at) as client:
            everything = await client.ask(ListResults(last=100))
            flashes = await client.ask(ListResults(text="kind:flash score>0", last=100))
            assert flashes.total == STROKES
            assert {row["kind"] for row in flashes.rows} == {"flash"}
            assert everything.total >= STROKES
            part = await client.ask(ListResults(first=2, last=4))
            assert part.rows == everything.rows[2:4]
            assert part.total == everything.total
            best = await client.ask(ListResults(sort="score", descending=True, last=100))
            scores = [row["score"] for row in best.rows]
            assert scores == sorted(scores, reverse=True)
            rejected = await client.ask(ListResults("candidates", text="is:rejected", last=100))
            accepted = await client.ask(ListResults("candidates", text="is:accepted", last=100))
            every = await client.ask(ListResults("candidates", last=100))
            assert rejected.total + accepted.total == every.total
            assert all(row["reason"] for row in rejected.rows)
            assert not any(row["reason"] for row in accepted.rows)
            with pytest.raises(UsageError, match="score>0"):
                await client.ask(ListResults(text="score>much", last=1))
            with pytest.raises(UnknownName):
                await client.ask(ListResults(scan=99, last=1))

    asyncio.run(run())


def test_marks_and_corrections_stay_beside_what_was_found(home: Path, storm: Path) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            await client.send(SubmitScan((str(storm),), "storm"))
            await until(client, ScanFinished)
            row = (await client.ask(ListResults(first=1, last=2))).rows[0]
            await client.send(MarkFrame(row["content"], row["frame"]))
            await client.send(
                CorrectFrame(row["content"], row["frame"], "caption", "a bolt [/x] over the mast")
            )
            request = ExportRequest(1, formats=("json",), folder=str(home / "out"))
            [piece, *_] = (await client.ask(ExportResults(request))).pieces
            written = home / "out" / "storm.mp4.json"
            assert piece.path == written
            [remark] = json.loads(written.read_text())["remarks"]
            assert (remark["frame"], remark["marked"]) == (row["frame"], True)
            assert remark["caption"] == "a bolt [/x] over the mast"
            marked = await client.ask(ListResults(text="is:marked", last=10))
            assert [each["key"] for each in marked.rows] == [row["key"]]
            assert marked.rows[0]["corrected_caption"] == "a bolt [/x] over the mast"
            await client.send(MarkFrame(row["content"], row["frame"], on=False))
            await client.send(CorrectFrame(row["content"], row["frame"], "caption", ""))
            assert (await client.ask(ListResults(text="is:marked", last=10))).total == 0
            assert (await client.ask(ListResults(first=1, last=2))).rows[0][
                "corrected_caption"
            ] is None

    asyncio.run(run())


def test_what_is_in_view_becomes_a_file(looked_at: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with viewer(looked_at) as client:
            best = ListResults(text="kind:flash", sort="score", descending=True)
            for name in ("jsonl", "csv"):
                written = await client.ask(ExportRows(best, name, tmp_path / f"rows.{name}"))
                assert written.rows == STROKES
            with pytest.raises(UsageError, match="jsonl"):
                await client.ask(ExportRows(best, "josnl", tmp_path / "rows"))

    asyncio.run(run())
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == STROKES + 1


def test_the_moment_its_picture_and_the_log(looked_at: Path) -> None:
    async def run() -> None:
        async with viewer(looked_at) as client:
            row = (await client.ask(ListResults(last=1))).rows[0]
            when = WrittenTime(row["seconds"])
            assert (await client.ask(GetInstant(row["path"], when))).frame == row["frame"]
            jpeg = (await client.ask(GetStill(row["path"], when, 200))).jpeg
            assert jpeg[:2] == b"\xff\xd8"
            log = await client.ask(ListLogLines(last=100))
            assert any("listening" in line["text"] for line in log.rows)
            assert (await client.ask(ListLogLines(level="ERROR", last=100))).total == 0

    asyncio.run(run())


def test_it_ends_by_itself_when_nobody_looks_and_nothing_is_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_ENGINE_IDLE", "0.2")

    async def run() -> None:
        async with viewer(home) as client:
            await asyncio.sleep(0.6)
            pid = client.facts["pid"]
            await client.snapshot()
        await ended(pid)

    asyncio.run(run())


def test_headless_commands_use_the_running_engine(
    cli: Cli, storm: Path, long_storm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(cli.config))

    async def started() -> int:
        async with viewer(cli.library) as client:
            return int(client.facts["pid"])

    pid = asyncio.run(started())
    try:
        ran = cli("scan", storm, "--profile", "storm", "--json")
        assert ran.code == 0
        assert len(ran.of("MomentFound")) == STROKES
        status = cli.here("engine", "status", "--json").json()[0]
        assert (status["running"], status["pid"]) == (True, pid)
        assert cli.here("runs", "remove", "1").code == 0
        scan = cli.start("scan", long_storm, "--profile", "storm", "--json",
                         "--set", "run.batch_size=16")  # fmt: skip
        while not cli.here("engine", "status", "--json").json()[0]["scans"]:
            time.sleep(0.05)
        scan.send_signal(signal.SIGINT)
        assert scan.wait(30) == 130
        log = cli.here("engine", "log")
        assert "listening" in log.out
        assert cli.here("engine", "stop").code == 0
        assert cli.here("engine", "status").code == 1
    finally:
        end_engines()


def test_why_an_engine_cannot_start_is_told(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "library.db").write_bytes(b"no database" * 1000)

    async def run() -> None:
        with pytest.raises(EnvironmentFault, match="cannot be read"):
            await attached(library)

    asyncio.run(run())


def test_the_app_side_of_the_wire_is_light() -> None:
    import subprocess
    import sys

    heavy = ["numpy", "pydantic", "sqlite3", "PIL", "torch", "transformers", "av", "decord"]
    code = f"import core.service.attach, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_engine_that_was_stopped_stays_stopped_until_somebody_wants_it(
    home: Path, storm: Path
) -> None:
    async def run() -> None:
        async with viewer(home) as other:
            bridge = Bridge(home, readonly=False, poll_seconds=0.05)
            attachment = asyncio.ensure_future(bridge.run())
            async with asyncio.timeout(120):
                while bridge.connection != "attached":
                    await asyncio.sleep(0.02)
                await ask_to_stop(other, "now")
                while "was stopped" not in bridge.trouble:
                    await asyncio.sleep(0.02)
                await ended(other.facts["pid"])
                await asyncio.sleep(1.2)
                assert running(home) is None
                assert (await bridge.ask(SubmitScan((str(storm),), "storm"))).scan == 1
                assert bridge.connection == "attached"
            await bridge.leave()
            with suppress(asyncio.CancelledError):
                attachment.cancel()
                await attachment

    asyncio.run(run())
