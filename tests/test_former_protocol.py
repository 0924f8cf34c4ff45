"""An engine of the former protocol (3) that still runs: told apart, and ended in its own words."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.errors import EngineBusy, EnvironmentFault
from core.service import stop_engine
from core.service.discovery import Listening, announce, running, socket_path
from core.service.remote import RemoteClient
from core.service.stop_engine import end_engine
from core.storage.lock import LOCK
from tests.workbench import InProcess


class FormerEngine:
    """What `python -m core.server` of the former version did with its lines."""

    def __init__(self, library: Path, *, obeys: bool = True) -> None:
        self.library = library
        self.heard: list[dict[str, Any]] = []
        self._obeys = obeys
        self._lock = (library / LOCK).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._ended = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Listening]:
        path = socket_path(self.library)
        server = await asyncio.start_unix_server(self._meet, path)
        announce(self.library, Listening(os.getpid(), str(path), "0.0.9", 3, 0.0))
        found = running(self.library)
        assert found is not None
        try:
            yield found
        finally:
            server.close()
            path.unlink()
            self._lock.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while raw := await reader.readline():
            body = json.loads(raw)
            self.heard.append(body)
            if body["do"] == "stop" and not self._obeys:
                await self._ended.wait()
            reply = {"pid": os.getpid()} if body["do"] == "hello" else True
            answer = {"id": body["id"], "ok": reply}
            writer.write(json.dumps(answer).encode() + b"\n")
            if body["do"] == "stop":
                writer.write(b'{"ended": true}\n')
                self._lock.close()
                break
        writer.close()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir(mode=0o700)
    return folder


@pytest.mark.parametrize("how", ["now", "after_source"])
def test_stop_ends_it_in_its_own_form(library: Path, how: Any) -> None:
    async def run() -> None:
        engine = FormerEngine(library)
        async with engine.running() as found:
            assert await end_engine(library, found, how)
            assert running(library) is None
        assert engine.heard == [
            {"id": 1, "do": "hello", "readonly": False}, {"id": 2, "do": "stop", "how": how},
        ]  # fmt: skip

    asyncio.run(run())


def test_one_that_does_not_end_is_ended_as_a_process(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(stop_engine, "NOW_SECONDS", 0.1)
    monkeypatch.setattr(stop_engine, "end_process", lambda _library, pid: killed.append(pid))

    async def run() -> None:
        engine = FormerEngine(library, obeys=False)
        async with engine.running() as found:
            assert not await end_engine(library, found, "now")
            engine._ended.set()
        assert killed == [os.getpid()]

    asyncio.run(run())


def test_a_client_says_in_one_line_which_command_ends_it(library: Path, inside: InProcess) -> None:
    words = (
        "the running engine is sightline 0.0.9, which is incompatible with this version; "
        "let it finish, or run: sightline engine stop"
    )

    async def run() -> None:
        async with FormerEngine(library).running() as found:
            with pytest.raises(EnvironmentFault) as refused:
                await RemoteClient.open(found)
            assert str(refused.value) == words
            ran = await asyncio.to_thread(inside, "--library", library, "engine", "status")
            assert (ran.code, ran.err) == (4, f"sightline: {words}\n")
            assert not isinstance(refused.value, EngineBusy)

    asyncio.run(run())
