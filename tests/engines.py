"""What tests of the engine's own process share: a library, its viewers, and the end of it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from core.attach import attached
from core.remote import RemoteClient


def end_engines() -> None:
    """Kill every engine these tests started, also one that came second and waits its turn."""
    for process in psutil.Process().children():
        with suppress(psutil.Error):
            if "core.server" in process.cmdline():
                process.kill()
                process.wait(10)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A library no engine outlives."""
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    library = tmp_path / "library"
    yield library
    end_engines()


@asynccontextmanager
async def viewer(library: Path, *, readonly: bool = False) -> AsyncIterator[RemoteClient]:
    client = await attached(library, readonly=readonly)
    try:
        yield client
    finally:
        await client.close()


async def ended(pid: int) -> None:
    async with asyncio.timeout(30):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.05)
