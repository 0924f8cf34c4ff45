"""Pictures of instants: one reader process stays for the next, and results name their frame."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.config.screening_settings import Limits
from core.errors import SourceError, UnknownName
from core.protocol.queries import ListResults
from core.protocol.requests.pictures import GetStill
from core.records import SourceInfo
from core.reports.stills import StillReaders
from core.service.client import LibraryClient
from core.sources.reader import Reader
from core.times import WrittenTime
from tests.workbench import Cli

LIMITS = Limits()


@pytest.fixture(scope="module")
def info(storm: Path) -> SourceInfo:
    reader = Reader(LIMITS)
    try:
        return reader.probe(str(storm), luma=False).info
    finally:
        reader.close()


@pytest.fixture
def readers() -> Iterator[StillReaders]:
    made = StillReaders()
    yield made
    made.close()


def _kept(readers: StillReaders) -> psutil.Process:
    assert readers._kept is not None
    process = readers._kept[1]._process
    assert process is not None
    return psutil.Process(process.pid)


def test_one_process_reads_one_picture_after_another(
    readers: StillReaders, info: SourceInfo
) -> None:
    first = readers.jpeg(info, 1.0, 200, LIMITS)
    process = _kept(readers)
    assert readers.jpeg(info, 2.0, 200, LIMITS) != first
    assert readers.jpeg(info, 1.0, 200, LIMITS) == first
    assert _kept(readers) == process
    readers.jpeg(info, 1.0, 200, _other_limits())
    assert not process.is_running()
    process = _kept(readers)
    readers.close()
    assert not process.is_running()


def _other_limits() -> Limits:
    """Return limits other than the usual ones."""
    return LIMITS.model_copy(update={"memory_mib": LIMITS.memory_mib + 64})


def test_a_process_that_is_killed_or_a_file_that_is_gone_costs_one_picture_at_most(
    readers: StillReaders, info: SourceInfo
) -> None:
    first = readers.jpeg(info, 1.0, 200, LIMITS)
    os.kill(_kept(readers).pid, signal.SIGKILL)
    assert readers.jpeg(info, 1.0, 200, LIMITS) == first
    with pytest.raises(SourceError, match=r"gone\.mp4"):
        readers.jpeg(replace(info, path="/gone.mp4"), 1.0, 200, LIMITS)
    assert readers.jpeg(info, 1.0, 200, LIMITS) == first


def test_several_at_once_leave_one_process_and_an_idle_one_ends(info: SourceInfo) -> None:
    readers = StillReaders(keep_seconds=0.2)
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(readers.jpeg(info, 1.0, 200, LIMITS)))
        for _ in range(3)
    ]
    before = set(psutil.Process().children())
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and len(set(found)) == 1
    psutil.wait_procs(set(psutil.Process().children()) - before, timeout=30)
    assert set(psutil.Process().children()) <= before
    assert readers._kept is None


def test_a_result_names_its_frame_and_nothing_beyond_the_library_is_read(
    tmp_path: Path, storm: Path, pictures: Path
) -> None:
    cli = Cli(tmp_path)
    cli("scan", storm, "--profile", "quick", "--no-ui")

    async def run() -> None:
        client = LibraryClient(tmp_path / "library")
        try:
            row = (await client.ask(ListResults(last=1))).rows[0]
            await _check(client, row)
        finally:
            await client.close()

    async def _check(client: LibraryClient, row: dict[str, Any]) -> None:
        when = WrittenTime(row["seconds"])
        looked_for = await client.ask(GetStill(row["path"], when, 200))
        named = replace(when, scan=row["scan"])
        found = await client.ask(GetStill(row["path"], named, 200, row["content"]))
        assert found.jpeg == looked_for.jpeg
        # Only a path that was scanned with this content is read without being looked for.
        other = await client.ask(GetStill(row["path"], named, 200, "b2:none"))
        assert other.jpeg == found.jpeg
        outside = str(next(pictures.glob("*.png")))
        with pytest.raises(UnknownName):
            await client.ask(GetStill(outside, when, 200, row["content"]))
        with pytest.raises(UnknownName):
            await client.ask(GetStill(outside, named, 200, row["content"]))

    asyncio.run(run())
