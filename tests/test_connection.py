"""What one client may ask of the engine at once, and what a client waits for."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.errors import EngineBusy, EngineGone, UsageError
from core.protocol.queries import ListScans
from core.protocol.state import EngineState, JobState
from core.service import connection, server
from core.service import stop_engine as ending
from core.service.connection import (
    CHUNK_BYTES,
    MOST_AT_LENGTH,
    MOST_IN_PROGRESS,
    Answer,
    Connection,
    RequestBytes,
)
from core.service.discovery import PROTOCOL, Listening, running
from core.service.remote import RemoteClient
from core.service.server import MOST_CONNECTIONS, MOST_ROWS
from core.service.stop_engine import end_engine
from tests.engines import end_engines, ended, home, viewer

__all__ = ["home"]


@asynccontextmanager
async def connected(held: RequestBytes, **answers: Answer) -> AsyncIterator[socket.socket]:
    """A connection served in this process, and the client's end of it."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours, limit=CHUNK_BYTES)
    talking = Connection(reader, writer, held, dict(answers), frozenset(("long",)))
    task = asyncio.ensure_future(talking.talk())
    try:
        yield theirs
    finally:
        theirs.close()
        await task


def request(do: str, number: int = 1, **more: Any) -> bytes:
    return json.dumps({"id": number, "do": do, **more}).encode() + b"\n"


async def said(link: socket.socket, lines: int) -> list[dict[str, Any]]:
    """Return so many lines of answers."""
    data = b""
    async with asyncio.timeout(20):
        while data.count(b"\n") < lines:
            data += await asyncio.get_running_loop().sock_recv(link, 65536)
    return [json.loads(line) for line in data.splitlines()]


async def pour(link: socket.socket, line: bytes, times: int) -> int:
    """Send a line over and over until nothing more is taken; return how many were."""
    data, sent, loop = line * times, 0, asyncio.get_running_loop()
    idle_since = time.monotonic()
    while sent < len(data) and time.monotonic() - idle_since < 0.5:
        try:
            sent += link.send(data[sent : sent + 65536])
            idle_since = time.monotonic()
        except BlockingIOError:
            await asyncio.sleep(0.01)
    assert loop.is_running()
    return sent // len(line)


def test_so_many_requests_are_in_progress_and_no_more_is_read() -> None:
    async def run() -> None:
        begun, gate = 0, asyncio.Event()

        async def slow(_request: dict[str, Any]) -> int:
            nonlocal begun
            begun += 1
            await gate.wait()
            return begun

        held = RequestBytes()
        async with connected(held, slow=slow, long=slow) as link:
            taken = await pour(link, request("slow"), 100_000)
            assert begun == MOST_IN_PROGRESS
            assert taken < 30_000, "the rest waits in the client"
            assert held.bytes < 4 * CHUNK_BYTES
            gate.set()
            assert len(await said(link, 200)) >= 200
            assert begun >= 200, "answered ones make room"
        assert held.bytes == 0

    asyncio.run(run())


def test_long_requests_wait_for_their_answers_to_be_taken_and_short_ones_do_not_wait_for_them() -> (
    None
):
    async def run() -> None:
        begun = 0

        async def large(_request: dict[str, Any]) -> str:
            nonlocal begun
            begun += 1
            return "x" * 4_000_000

        async def short(_request: dict[str, Any]) -> str:
            return "short"

        async with connected(RequestBytes(), long=large, short=short) as link:
            link.sendall(request("long") * 20)
            await asyncio.sleep(0.2)
            assert begun <= MOST_AT_LENGTH + 1, "a client that does not read gets no more made"
            async with connected(RequestBytes(), short=short) as other:
                other.sendall(request("short", 7))
                assert await said(other, 1) == [{"id": 7, "ok": "short"}]

    asyncio.run(run())


def test_what_is_no_request_is_refused_in_a_line_and_the_next_one_answered() -> None:
    async def run() -> None:
        async def fine(_request: dict[str, Any]) -> str:
            return "fine"

        async def broken(_request: dict[str, Any]) -> str:
            raise OSError("disk gone")

        wrong = [b"\n", b"[]\n", b"{\n", b"[" * 200_000 + b"\n", b'{"id": 1}\n', b"\xff\xfe\n",
                 b'{"id": 2, "do": ["x"]}\n', request("y" * 90_000), request("broken")]  # fmt: skip
        async with connected(RequestBytes(), fine=fine, broken=broken) as link:
            for line in wrong:
                await asyncio.get_running_loop().sock_sendall(link, line)
                [answer] = await said(link, 1)
                assert "ok" not in answer and len(answer["error"]["text"]) < 700
            link.sendall(request("fine", 3))
            assert await said(link, 1) == [{"id": 3, "ok": "fine"}]

    asyncio.run(run())


def test_a_request_that_is_too_long_is_refused_whether_it_ends_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "LINE_BYTES", 300_000)
    monkeypatch.setattr(connection, "ALL_LINES_BYTES", 400_000)

    async def run() -> None:
        loop, held = asyncio.get_running_loop(), RequestBytes()
        async with connected(held) as link, connected(held) as other:
            await loop.sock_sendall(link, b"x" * 250_000)
            await asyncio.sleep(0.05)
            await pour(other, b"y" * 200_000, 1)
            [answer] = await said(other, 1)
            assert "too many long requests" in answer["error"]["text"]
            await pour(link, b"x" * 100_000, 1)
            [answer] = await said(link, 1)
            assert answer["id"] is None and "name fewer paths" in answer["error"]["text"]
        assert held.bytes == 0

    asyncio.run(run())


def test_one_stream_of_events_at_a_time() -> None:
    async def run() -> None:
        ended_streams = []
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)

        async def tell(number: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended_streams.append(number)

        async def events(asked: dict[str, Any]) -> bool:
            talking.stream(tell(asked["id"]))
            return True

        talking = Connection(reader, writer, RequestBytes(), {"events": events}, frozenset())
        task = asyncio.ensure_future(talking.talk())
        theirs.setblocking(False)
        for number in (1, 2, 3):
            theirs.sendall(request("events", number))
            await said(theirs, 1)
        await asyncio.sleep(0)
        assert ended_streams == [1, 2]
        theirs.close()
        await task

    asyncio.run(run())


# The client's side, against an engine that keeps silent


def against(
    tmp_path: Path,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
    use: Callable[[Listening], Coroutine[Any, Any, None]],
) -> None:
    async def run() -> None:
        path = str(tmp_path / "s.sock")
        ends = []

        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            finally:
                writer.close()
                ends.append(writer.wait_closed())

        listening = await asyncio.start_unix_server(served, path)
        async with asyncio.timeout(20):
            await use(Listening(os.getpid(), path, "1", PROTOCOL, 0.0))
            while not ends:
                await asyncio.sleep(0.01)
            await asyncio.gather(*ends)
        listening.close()

    asyncio.run(run())


def answering(*known: str) -> Callable[..., Coroutine[Any, Any, None]]:
    """An engine that answers these requests and no others."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked = json.loads(line)
            if asked["do"] in known:
                writer.write(json.dumps({"id": asked["id"], "ok": {}}).encode() + b"\n")

    return serve


def test_every_call_has_a_time_limit_and_says_so(tmp_path: Path) -> None:
    async def silent(found: Listening) -> None:
        with pytest.raises(EngineBusy, match=r"has not answered for 0 s.*engine stop"):
            await RemoteClient.open(found, seconds=0.1)

    against(tmp_path, answering(), silent)
    (tmp_path / "s.sock").unlink()

    async def half(found: Listening) -> None:
        client = await RemoteClient.open(found)
        with pytest.raises(EngineBusy):
            await client._ask("snapshot", limit=0.1)
        with pytest.raises(EngineBusy):
            await client._ask_at_length("rows", limit=0.1)
        await asyncio.sleep(0)
        assert not client._waiting
        client.hang_up()
        with pytest.raises(EngineGone):
            await client.snapshot()

    against(tmp_path, answering("hello"), half)


def test_long_work_is_waited_for_as_long_as_the_engine_answers_at_all(tmp_path: Path) -> None:
    async def use(found: Listening) -> None:
        client = await RemoteClient.open(found)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client._ask_at_length("rows", limit=0.05), 0.5)
        await asyncio.sleep(0)
        assert not client._waiting
        await client.close()

    against(tmp_path, answering("hello", "ping"), use)


def test_a_request_no_engine_would_take_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.remote.LINE_BYTES", 1000)

    async def use(found: Listening) -> None:
        client = await RemoteClient.open(found)
        with pytest.raises(UsageError, match="name fewer paths"):
            await client.still("p" * 1000, 0.0, 10)
        await client.close()

    against(tmp_path, answering("hello"), use)


def test_answers_that_are_none_end_the_connection_and_every_wait(tmp_path: Path) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"neither": 1}\n')
        await writer.drain()

    async def use(found: Listening) -> None:
        with pytest.raises(EngineGone):
            await RemoteClient.open(found)

    against(tmp_path, garbage, use)


# A whole engine


def link_to(client: RemoteClient, count: int) -> list[socket.socket]:
    links = [socket.socket(socket.AF_UNIX) for _ in range(count)]
    for link in links:
        link.connect(client.facts["socket"])
    return links


def close(links: list[socket.socket]) -> None:
    for link in links:
        link.close()


def test_a_flood_costs_the_engine_no_memory_and_others_are_served(home: Path) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            pid = client.facts["pid"]
            before = psutil.Process(pid).memory_info().rss
            links = link_to(client, 3)
            for link in links:
                link.setblocking(False)
                await pour(link, request("snapshot"), 100_000)
            asked = time.monotonic()
            assert (await client.snapshot()).pid == pid
            assert time.monotonic() - asked < 5.0
            assert psutil.Process(pid).memory_info().rss - before < 60e6
            with pytest.raises(UsageError, match="rows can be asked for at once"):
                await client.rows(ListScans(), 0, MOST_ROWS + 1)
            found = running(home)
            assert found is not None
            stopped = time.monotonic()
            assert await end_engine(home, found, "now")
            assert time.monotonic() - stopped < 10.0
            await ended(pid)
            close(links)

    asyncio.run(run())


def test_connections_that_are_held_keep_nobody_out(home: Path) -> None:
    async def run() -> None:
        async with viewer(home) as client:
            links = []
            for _ in range(4):
                links += link_to(client, MOST_CONNECTIONS // 2)
                await client.snapshot()
            async with viewer(home) as other:
                assert other.facts["viewers"] <= MOST_CONNECTIONS
                await client.snapshot()  # one that is used is not hung up on
            close(links)

    asyncio.run(run())


def test_an_engine_that_does_not_answer_is_ended_all_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 2 * ending.ASK_SECONDS + ending.TERM_SECONDS < 9.5, "within 10 s"
    monkeypatch.setattr(ending, "ASK_SECONDS", 0.5)
    monkeypatch.setattr(ending, "TERM_SECONDS", 0.5)

    async def run() -> None:
        async with viewer(home):
            found = running(home)
            assert found is not None
            os.kill(found.pid, signal.SIGSTOP)
            with pytest.raises(EngineBusy):
                await end_engine(home, found, "after_source")
            assert not await end_engine(home, found, "now")
            assert running(home) is None

    asyncio.run(run())
    end_engines()


def test_a_request_that_does_not_end_keeps_no_engine_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Client:
        """An engine with a scan that ends after a while."""

        model_stages = 0

        def now(self) -> Any:
            self.model_stages += 1
            scan = JobState(1, "scan", "", "running", resource="devices")
            return EngineState(0, "", jobs=(scan,) if self.model_stages < 5 else ())

    class Exit(BaseException): ...

    def leave(code: int) -> None:
        assert code == 0
        raise Exit

    monkeypatch.setattr(server, "END_SECONDS", 0.1)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(os, "_exit", leave)
    client = Client()
    with pytest.raises(Exit):
        server._end_by_force(client)  # type: ignore[arg-type]
    assert client.model_stages > 5, "not while a scan was at work"
