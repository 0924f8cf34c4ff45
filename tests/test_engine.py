"""The engine through its client: commands, events, snapshots, and scans one after another."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from core.engine.engine import Engine
from core.errors import LibraryBusy, NothingToScan, UnknownName, UsageError
from core.protocol.commands import (
    CancelPull,
    CancelScan,
    ChangeIndex,
    CheckBatches,
    Command,
    ContinuePull,
    ContinueScan,
    CorrectFrame,
    DrawBox,
    EndScan,
    EndWatch,
    EraseBox,
    JudgeEvent,
    MarkFrame,
    MoveScan,
    PausePull,
    PauseScan,
    PullModel,
    RemoveModel,
    RemoveScan,
    ResumeScan,
    SubmitScan,
    VerifyScan,
    WatchFolder,
)
from core.protocol.messages import (
    BatchDone,
    Message,
    ScanFinished,
    Warned,
    event_from_json,
    event_to_json,
)
from core.protocol.passed_over import PassedOver
from core.protocol.request import request_from_json, request_to_json
from core.scans.plan import Plan, nothing_found
from core.service.client import LocalClient
from core.service.reading import Records
from core.storage.library import Library
from tests.engines import as_received
from tests.workbench import STROKES

SMALL_BATCHES = {"run.batch_size": 16}


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[LocalClient]:
    client = await LocalClient.open(folder)
    try:
        yield client
    finally:
        await client.close()
    ours = [t for t in threading.enumerate() if t.name.startswith("sightline-")]
    # Other tests' engines are processes of their own, each waited for by such a thread.
    assert not [t for t in ours if t.name != "sightline-engine-end"]


async def until(
    client: LocalClient, kind: type[Message], scan: int, since: int = 0
) -> tuple[int, Any]:
    async with asyncio.timeout(60):
        async for number, event in client.events(since):
            if isinstance(event, kind) and event.scan == scan:
                return number, event
    raise AssertionError


def test_pause_holds_a_scan_continue_finishes_it(tmp_path: Path, long_storm: Path) -> None:
    async def run() -> None:
        async with engine(tmp_path) as client:
            scan = await client.send(SubmitScan((str(long_storm),), "storm", SMALL_BATCHES))
            await until(client, BatchDone, scan)
            await client.send(PauseScan(scan))
            held = await client.snapshot()
            await asyncio.sleep(0.3)
            while held.sequence != (held_now := await client.snapshot()).sequence:
                held = held_now  # what was under way ends first
                await asyncio.sleep(0.3)
            await asyncio.sleep(0.3)
            assert (await client.snapshot()).sequence == held.sequence
            (state,) = held.scans
            assert state.state == "paused" and 0 < state.tasks[0].frames_done < 2400
            assert "read" in {step.name for step in state.tasks[0].steps}
            assert as_received(held) == held
            with pytest.raises(UsageError):
                await client.send(RemoveScan(scan))
            with pytest.raises(UsageError):
                await client.send(ResumeScan(scan))
            await client.send(ContinueScan(scan))
            _, end = await until(client, ScanFinished, scan)
            assert (end.state, end.moments) == ("done", 12 * STROKES)
            assert (await client.snapshot()).scans == ()

    asyncio.run(run())


@pytest.mark.parametrize("paused", [False, True])
def test_cancel_keeps_what_is_done_and_resume_goes_on(
    tmp_path: Path, long_storm: Path, paused: bool
) -> None:
    async def run() -> None:
        async with engine(tmp_path) as client:
            scan = await client.send(SubmitScan((str(long_storm),), "storm", SMALL_BATCHES))
            number, batch = await until(client, BatchDone, scan)
            if paused:
                await client.send(PauseScan(scan))
            await client.send(CancelScan(scan))
            number, end = await until(client, ScanFinished, scan, number)
            assert end.state == "interrupted"
            assert Records(client.library).scans()[0].left == 1
            assert await client.send(ResumeScan(scan)) == scan
            _, again = await until(client, BatchDone, scan, number + 1)
            assert again.frames > batch.frames
            _, end = await until(client, ScanFinished, scan, number + 1)
            assert (end.state, end.moments) == ("done", 12 * STROKES)

    asyncio.run(run())


def test_closing_stops_cleanly_and_another_engine_goes_on(tmp_path: Path, long_storm: Path) -> None:
    async def run() -> None:
        async with engine(tmp_path) as client:
            scan = await client.send(SubmitScan((str(long_storm),), "storm", SMALL_BATCHES))
            await until(client, BatchDone, scan)
            with pytest.raises(LibraryBusy):
                await LocalClient.open(tmp_path)
        async with engine(tmp_path) as client:
            assert Records(client.library).scans()[0].state == "interrupted"
            await client.send(ResumeScan(scan))
            assert (await until(client, ScanFinished, scan))[1].state == "done"

    asyncio.run(run())


def test_two_scans_run_one_after_the_other(tmp_path: Path, long_storm: Path, storm: Path) -> None:
    async def run() -> None:
        async with engine(tmp_path) as client:
            first = await client.send(SubmitScan((str(long_storm),), "storm"))
            second = await client.send(SubmitScan((str(storm),), "storm"))
            assert [state.scan for state in (await client.snapshot()).scans] == [first, second]
            assert await order(client) == [first, second]

    async def order(client: LocalClient) -> list[int]:
        await until(client, ScanFinished, 2)
        worked: list[int] = []
        async for number, event in client.events():
            if isinstance(event, BatchDone):
                worked.append(event.scan)
            if number + 1 == (await client.snapshot()).sequence:
                break
        assert worked == sorted(worked)
        return sorted(set(worked))

    asyncio.run(run())


def test_a_queued_scan_can_be_cancelled(tmp_path: Path, long_storm: Path, storm: Path) -> None:
    async def run() -> None:
        async with engine(tmp_path) as client:
            first = await client.send(SubmitScan((str(long_storm),), "storm", SMALL_BATCHES))
            second = await client.send(SubmitScan((str(storm),), "storm"))
            await client.send(CancelScan(second))
            _, end = await until(client, ScanFinished, first)
            assert end.state == "done"
            _, end = await until(client, ScanFinished, second)
            assert (end.state, end.done) == ("interrupted", 0)

    asyncio.run(run())


def test_events_are_numbered_and_kept_for_who_looked_away(tmp_path: Path, storm: Path) -> None:
    async def run() -> None:
        async with engine(tmp_path) as client:
            scan = await client.send(SubmitScan((str(storm),), "storm", SMALL_BATCHES))
            last, _ = await until(client, ScanFinished, scan)
            everything = await first_of(client, 0, last + 1)
            assert [number for number, _ in everything] == list(range(last + 1))
            assert await first_of(client, 7, last - 6) == everything[7:]
            assert (await client.snapshot()).sequence == last + 1
            for _, event in everything:
                assert event_from_json(json.loads(json.dumps(event_to_json(event)))) == event

    asyncio.run(run())


async def first_of(client: LocalClient, since: int, count: int) -> list[tuple[int, Message]]:
    found = []
    async for item in client.events(since):
        found.append(item)
        if len(found) == count:
            break
    return found


def test_commands_survive_json_and_unknown_ones_are_refused() -> None:
    tried: set[type] = set()
    for command in (
        SubmitScan(("/a\udcff", "b"), "storm", {"flash.sensitivity": 0.7}, ("*.mp4",), "redo"),
        ResumeScan(3, failed=True), PauseScan(1), ContinueScan(1), CancelScan(2), RemoveScan(9),
        EndScan(4), MoveScan(5, -1), MarkFrame("b2:0", 7, on=False),
        CorrectFrame("b2:0", 7, "tags", "mast, [bold]"),
        JudgeEvent("b2:0", "flash", 7, "unsure"),
        DrawBox("b2:0", 7, 0.28, "bolt", (0.1, 0.2, 0.3, 0.4)), EraseBox("b2:0", 7, 1),
        CheckBatches(("a",), "quick", {}, (1, 4), 2, 8), VerifyScan(3),
        ChangeIndex("rebuild", "siglip", ("/a",)),
        PullModel("siglip2", "edge", allow_remote_code=True), PausePull("a"), ContinuePull("a"),
        CancelPull("a"), RemoveModel("a"),
        WatchFolder("/in\udcff", "storm", {"run.batch_size": 8}, 0.5), EndWatch("/in"),
    ):  # fmt: skip
        assert request_from_json(json.loads(json.dumps(request_to_json(command)))) == command
        tried.add(type(command))
    assert tried == set(get_args(Command))
    for body in ({"type": "Format"}, {"type": "PauseScan"}, {"type": "PauseScan", "x": 1}, {}):
        with pytest.raises((KeyError, TypeError)):
            request_from_json(dict(body))


def test_what_cannot_be_done_is_refused_and_leaves_nothing(tmp_path: Path, broken: Path) -> None:
    async def run() -> None:
        async with engine(tmp_path) as client:
            for command, error in (
                (SubmitScan((str(tmp_path / "empty"),), "stom"), UnknownName),
                (PauseScan(1), UnknownName), (CancelScan(1), UnknownName),
                (ResumeScan(1), UnknownName), (RemoveScan(1), UnknownName),
            ):  # fmt: skip
                with pytest.raises(error):
                    await client.send(command)
            (tmp_path / "empty").mkdir()
            with pytest.raises(NothingToScan):
                await client.send(SubmitScan((str(tmp_path / "empty"),), "storm"))
            assert Records(client.library).scans() == []

    asyncio.run(run())


def test_a_folder_in_which_nothing_is_new_is_not_called_empty() -> None:
    empty = Plan((), (), 0, PassedOver())
    assert "no video or picture there" in nothing_found(("/footage",), empty)
    for count, words in ((1, "1 source is known"), (2, "2 sources are known")):
        said = nothing_found(("/footage",), replace(empty, known=count))
        assert said == f"nothing new to scan under /footage: {words}"


def test_events_are_kept_for_whoever_is_behind_up_to_a_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.message_log.MAX_MESSAGES", 100)
    monkeypatch.setattr("core.engine.message_log.MOST_UNREAD", 1000)

    async def run() -> None:
        made = Engine(Library(tmp_path))
        reading = made.events()
        made.messages.emit(Warned(0, "first"))
        assert (await anext(reading))[0] == 0
        for number in range(1, 600):
            made.messages.emit(Warned(0, str(number)))
        assert [(await anext(reading))[0] for _ in range(599)] == list(range(1, 600))
        for number in range(600, 2000):
            made.messages.emit(Warned(0, str(number)))
        assert (await anext(reading))[0] > 600, "one that never reads fills no memory"
        await reading.aclose()  # type: ignore[attr-defined]
        await made.close()

    asyncio.run(run())
