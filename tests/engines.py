"""What tests of the engine's own process share: a library, its viewers, and the end of it all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import cast

import psutil
import pytest

from core.protocol.codec import decoded, encoded
from core.protocol.state import EngineState
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


@contextmanager
def readers_stopped(engine: int) -> Iterator[None]:
    """Hold the decoders of an engine: what it reads is running, and gets no further meanwhile.

    A scan that shall last while something else is looked at costs no CPU this way, and lasts on
    any machine. The engine gives a decoder a minute (`limits.stall_seconds`).
    """
    readers = [
        child
        for child in psutil.Process(engine).children(recursive=True)
        if "core.sources.child" in child.cmdline()
    ]
    assert readers, "nothing is read"
    for reader in readers:
        reader.suspend()
    try:
        yield
    finally:
        for reader in readers:
            with suppress(psutil.Error):
                reader.resume()


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


def as_received(state: EngineState) -> EngineState:
    """Return a state as a client reads it from its connection."""
    line = json.dumps(encoded(EngineState, state))
    return cast("EngineState", decoded(EngineState, json.loads(line)))
