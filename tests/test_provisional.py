"""Provisional events of a video that is still read, and readers that stay open for pictures."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from core.config.screening_settings import Limits
from core.protocol.commands import SubmitScan
from core.protocol.messages import ScanFinished
from core.protocol.queries import ListResults
from core.protocol.requests.pictures import GetStill, GetStills
from core.protocol.state import ProvisionalEvent
from core.reports import still_readers
from core.reports.still_readers import StillReaders
from core.scans import provisional
from core.scans.provisional import MOST_EVENTS, _best
from core.service.client import LocalClient
from core.times import WrittenTime
from tests.storage.test_judgements import event
from tests.tui.viewing import copied
from tests.workbench import InProcess

SMALL = {"run.batch_size": 16}


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[LocalClient]:
    client = await LocalClient.open(folder)
    try:
        yield client
    finally:
        await client.close()


async def watched(client: LocalClient, scan: int) -> list[tuple[ProvisionalEvent, ...]]:
    """Look at the state until a scan ends; return what was provisional, each time it changed."""
    seen: list[tuple[ProvisionalEvent, ...]] = []
    async with asyncio.timeout(120):
        while True:
            for task in (t for s in client.now().scans if s.scan == scan for t in s.tasks):
                if task.provisional_events and task.provisional_events not in seen:
                    seen.append(task.provisional_events)
            if any(isinstance(m, ScanFinished) for m in client._engine.messages._messages):
                return seen
            await asyncio.sleep(0.005)


def test_a_video_that_is_read_shows_what_it_seems_to_hold(
    tmp_path: Path, long_storm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisional, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(provisional, "SHARE", 1.0)

    async def run() -> None:
        async with engine(tmp_path / "library") as client:
            scan = await client.send(SubmitScan((str(long_storm),), "storm", SMALL))
            seen = await watched(client, scan)
            rows = (await client.ask(ListResults(last=100))).rows
            final = [(row["kind"], row["seconds"]) for row in rows]
            assert len(seen) > 2 and len(seen[0]) < len(seen[-1]) <= len(final)
            for events in seen:
                times = [each.seconds for each in events]
                assert times == sorted(times)
                # All but the last are those of the result: nothing is known of what follows them.
                assert [(e.kind, e.seconds) for e in events[:-1]] == final[: len(events) - 1]
            assert client.now().scans == ()

    asyncio.run(run())


def test_a_stage_that_cannot_decide_over_a_part_ends_no_scan(
    tmp_path: Path, long_storm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fails(*_: object) -> None:
        asked.append(1)
        raise ValueError("too short")

    monkeypatch.setattr(provisional, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(provisional, "decide", fails)

    async def run() -> None:
        async with engine(tmp_path / "library") as client:
            scan = await client.send(SubmitScan((str(long_storm),), "storm", SMALL))
            assert await watched(client, scan) == []
            assert asked == [1]
            assert (await client.ask(ListResults(last=1))).total > 50

    asyncio.run(run())


def test_nothing_is_decided_in_advance_where_nobody_looks(
    inside: InProcess, long_storm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisional, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(provisional, "decide", lambda *_: pytest.fail("it was"))
    assert inside("scan", long_storm, "--profile", "storm").code == 0


def test_of_many_the_best_are_shown_in_order_of_time() -> None:
    many = tuple(event(n, (n * 1.0,) * 3, score=(n * 37 % 100) / 100) for n in range(100))
    best = _best(many)
    assert len(best) == MOST_EVENTS and [e.number for e in best] == sorted(e.number for e in best)
    assert min(each.score for each in best) == 0.36


def children() -> set[int]:
    found = psutil.Process().children(recursive=True)
    return {each.pid for each in found if "core.sources.child" in each.cmdline()}


def test_pictures_are_read_by_one_process_that_stays_and_ends_with_the_engine(
    scanned: InProcess, storm: Path, tmp_path: Path
) -> None:
    library = copied(scanned.library, tmp_path / "library")
    before = children()

    async def run() -> None:
        async with engine(library) as client:
            first = await client.ask(GetStills(str(storm), (1.0, 2.0), 320))
            (reader,) = children() - before
            still = await client.ask(GetStill(str(storm), WrittenTime(2.0), 320))
            assert still.jpeg == first.jpegs[1]
            assert children() - before == {reader}
            os.kill(reader, signal.SIGKILL)  # by the kernel, when memory runs out
            again = await client.ask(GetStills(str(storm), (1.0, 2.0), 320))
            assert again == first
            (other,) = {each for each in children() - before if psutil.pid_exists(each)} - {reader}
            assert other != reader

    asyncio.run(run())
    assert not [pid for pid in children() - before if psutil.Process(pid).status() != "zombie"]


def test_readers_that_nobody_uses_end_after_a_while(
    storm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still_readers, "KEPT_SECONDS", 0.2)
    readers, before = StillReaders(), children()
    with readers.lent(Limits()) as one, readers.lent(Limits()) as two, \
            readers.lent(Limits()) as three:  # fmt: skip
        assert len({id(each) for each in (one, two, three)}) == 3
        for each in (one, two, three):
            assert each.streams(str(storm)) == 1
        assert len(children() - before) == 3
    assert len(children() - before) == 2  # of three that were lent at once, two are kept
    until = time.monotonic() + 20
    while children() - before:
        assert time.monotonic() < until
        time.sleep(0.05)
    with readers.lent(Limits()) as reader:
        readers.close()
        assert reader.streams(str(storm)) == 1
    assert not children() - before
