"""What tests of the engine's own process share: a library, its viewers, and the end of it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from core.service.attach import attached
from core.service.remote import RemoteClient


def end_engines(library: Path | None = None) -> None:
    """Kill every engine these tests started, also one that came second and waits its turn.

    One that a command started is no child of the tests' process: name its library.
    """
    found = psutil.Process().children() if library is None else psutil.process_iter()
    for process in found:
        with suppress(psutil.Error):
            line = process.cmdline()
            if "core.service.server" in line and (library is None or str(library) in line):
                process.kill()
                process.wait(10)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A library no engine outlives."""
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    library = tmp_path / "library"
    yield library
    end_engines(library)


@asynccontextmanager
async def viewer(library: Path, *, readonly: bool = False) -> AsyncIterator[RemoteClient]:
    client = await attached(library, readonly=readonly)
    try:
        yield client
    finally:
        await client.close()


async def ended(pid: int) -> None:
    async with asyncio.timeout(60):
        with suppress(psutil.NoSuchProcess):
            while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(0.05)
