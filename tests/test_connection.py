"""What one client may ask of the engine at once, and what a client waits for."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.errors import EngineBusy, EngineGone, EnvironmentFault, UsageError
from core.protocol.codec import from_json
from core.protocol.queries import MOST_ROWS, ListScans
from core.protocol.request import REQUESTS, Request, Streamed
from core.protocol.requests.engine import GetMachine, GetState
from core.protocol.requests.pictures import GetStill
from core.protocol.state import EngineState, JobState
from core.service import connection, server
from core.service import stop_engine as ending
from core.service.connection import (
    CHUNK_BYTES,
    MOST_AT_LENGTH,
    Connection,
    RequestBytes,
)
from core.service.discovery import Listening, running
from core.service.remote import RemoteClient
from core.service.server import MOST_CONNECTIONS
from core.service.stop_engine import end_engine
from core.service.wire import MOST_IN_PROGRESS, PROTOCOL, WINDOW, not_understood
from tests.engines import end_engines, ended, home, viewer

__all__ = ["home"]


@dataclass(frozen=True, slots=True)
class Quick(Request[str], right="read"):
    text: str = ""


@dataclass(frozen=True, slots=True)
class Heavy(Request[str], right="read", heavy=True):
    text: str = ""


@dataclass(frozen=True, slots=True)
class Parts(Streamed[bytes, bytes], right="read", heavy=True):
    size: int = 1

    @classmethod
    def gathered(cls, parts: Sequence[bytes]) -> bytes:
        return b"".join(parts)


OURS: dict[str, type[Request[Any]]] = {each.__name__: each for each in (Quick, Heavy, Parts)}
for each in OURS:
    REQUESTS.pop(each)  # they are no requests of the engine
Answer = Callable[[Any], Awaitable[Any]]


class Service:
    """What serves a connection of these tests."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.since: list[int] = []

    def hello(self, facts: dict[str, Any]) -> dict[str, Any]:
        return {}

    def request(self, body: dict[str, Any]) -> Request[Any]:
        return from_json(body, OURS)

    async def answer(self, request: Request[Any]) -> Any:
        return await self.answers[type(request).__name__](request)

    def parts(self, request: Streamed[Any, Any]) -> Any:
        return self.answers["Parts"](request)

    async def messages(self, since: int) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        async for each in self.answers["messages"](since):
            yield each

    def former(self) -> EnvironmentFault:
        return not_understood("9.9")


@asynccontextmanager
async def connected(held: RequestBytes, **answers: Any) -> AsyncIterator[socket.socket]:
    """A connection served in this process, and the client's end of it."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours, limit=CHUNK_BYTES)
    talking = Connection(reader, writer, held, Service(**answers))
    task = asyncio.ensure_future(talking.talk())
    try:
        yield theirs
    finally:
        theirs.close()
        await task


def request(kind: str, number: int = 1, **more: Any) -> bytes:
    return sent(id=number, ask={"type": kind, **more})


def sent(**body: Any) -> bytes:
    return json.dumps(body).encode() + b"\n"


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

        async def slow(_request: Any) -> int:
            nonlocal begun
            begun += 1
            await gate.wait()
            return begun

        held = RequestBytes()
        async with connected(held, Quick=slow) as link:
            taken = await pour(link, request("Quick"), 100_000)
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

        async def large(_request: Any) -> str:
            nonlocal begun
            begun += 1
            return "x" * 4_000_000

        async def short(_request: Any) -> str:
            return "short"

        async with connected(RequestBytes(), Heavy=large, Quick=short) as link:
            link.sendall(request("Heavy") * 20)
            await asyncio.sleep(0.2)
            assert begun <= MOST_AT_LENGTH + 1, "a client that does not read gets no more made"
            async with connected(RequestBytes(), Quick=short) as other:
                other.sendall(request("Quick", 7))
                assert await said(other, 1) == [{"id": 7, "ok": "short"}]

    asyncio.run(run())


def test_what_is_no_request_is_refused_in_a_line_and_the_next_one_answered() -> None:
    async def run() -> None:
        async def fine(_request: Any) -> str:
            return "fine"

        async def broken(_request: Any) -> str:
            raise OSError("disk gone")

        wrong = [b"\n", b"[]\n", b"{\n", b"[" * 200_000 + b"\n", b'{"id": 1}\n', b"\xff\xfe\n",
                 b'{"id": 2, "ask": ["x"]}\n', b'{"id": [1], "ask": 3}\n', request("y" * 90_000),
                 request("Nothing"), request("Quick", more=1), request("Quick", text=3),
                 sent(id=1, events="x"), sent(id=1, hello=3), request("Heavy")]  # fmt: skip
        async with connected(RequestBytes(), Quick=fine, Heavy=broken) as link:
            for line in wrong:
                await asyncio.get_running_loop().sock_sendall(link, line)
                [answer] = await said(link, 1)
                assert "ok" not in answer and len(answer["error"]["text"]) < 700
            link.sendall(request("Quick", 3))
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


def test_one_stream_of_messages_at_a_time() -> None:
    async def run() -> None:
        ended_streams = []

        async def messages(since: int) -> AsyncIterator[tuple[int, dict[str, Any]]]:
            try:
                yield since, {"type": "none"}
                await asyncio.Event().wait()
            finally:
                ended_streams.append(since)

        async with connected(RequestBytes(), messages=messages) as link:
            for number in (1, 2, 3):
                link.sendall(sent(id=number, events=number))
                assert {"event": [number, {"type": "none"}]} in await said(link, 2)
            assert ended_streams == [1, 2]
        assert ended_streams == [1, 2, 3]

    asyncio.run(run())


def test_a_streamed_reply_waits_for_what_was_sent_to_be_taken() -> None:
    async def run() -> None:
        made = 0

        async def parts(asked: Parts) -> AsyncIterator[bytes]:
            nonlocal made
            for _ in range(asked.size):
                made += 1
                yield b"x"

        async with connected(RequestBytes(), Parts=parts) as link:
            link.sendall(request("Parts", 5, size=WINDOW + 3))
            first = await said(link, WINDOW)
            assert first == [{"id": 5, "part": "eA=="}] * WINDOW
            link.sendall(sent(id=6, ping=True))
            assert await said(link, 1) == [{"id": 6, "ok": True}]
            assert made == WINDOW + 1, "one more is made, and waits"
            link.sendall(sent(id=5, taken=3))
            assert (await said(link, 4))[-1] == {"id": 5, "end": True}

    asyncio.run(run())


def test_a_cancel_or_a_client_that_leaves_ends_the_work_of_a_streamed_reply() -> None:
    async def run() -> None:
        ends = []

        async def parts(asked: Parts) -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
            finally:
                ends.append(asked.size)

        async def fine(_request: Any) -> str:
            return "fine"

        held = RequestBytes()
        async with connected(held, Parts=parts, Quick=fine) as link:
            for number in (1, 2):
                link.sendall(request("Parts", number, size=number))
                await said(link, WINDOW)
            link.sendall(sent(id=1, cancel=True) + request("Quick", 3))
            told = {body["id"]: body for body in await said(link, 2)}
            assert told[1]["error"]["type"] == "Interrupted"
            assert told[3] == {"id": 3, "ok": "fine"}
            assert ends == [1]
        assert ends == [1, 2]
        assert held.bytes == 0

    asyncio.run(run())


def test_what_is_taken_is_read_while_as_many_requests_as_can_be_are_in_progress() -> None:
    async def run() -> None:
        gate = asyncio.Event()

        async def parts(asked: Parts) -> AsyncIterator[bytes]:
            for _ in range(asked.size):
                yield b"x"

        async def slow(_request: Any) -> str:
            await gate.wait()
            return "slow"

        async with connected(RequestBytes(), Parts=parts, Quick=slow) as link:
            link.sendall(request("Parts", 1, size=2 * WINDOW))
            await said(link, WINDOW)
            link.sendall(request("Quick", 2) * (MOST_IN_PROGRESS - 1))
            link.sendall(sent(id=1, taken=WINDOW))
            assert (await said(link, WINDOW + 1))[-1] == {"id": 1, "end": True}
            gate.set()
            await said(link, MOST_IN_PROGRESS - 1)

    asyncio.run(run())


def test_a_line_of_the_former_protocol_is_refused_in_its_own_form() -> None:
    async def run() -> None:
        async with connected(RequestBytes()) as link:
            link.sendall(sent(id=4, do="hello", readonly=False))
            [answer] = await said(link, 1)
            assert (answer["id"], answer["error"]["type"]) == (4, "EnvironmentFault")
            assert "sightline 9.9" in answer["error"]["text"]
            assert "sightline engine stop" in answer["error"]["text"]

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
            if set(known) & set(asked):
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
            await client.ask(GetState(), timeout=0.1)
        with pytest.raises(EngineBusy):
            await client.ask(GetMachine(), timeout=0.1)
        with pytest.raises(EngineBusy):
            await client.ask(GetStill("a"), timeout=0.1)
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
            await asyncio.wait_for(client.ask(GetMachine(), timeout=0.05), 0.5)
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
            await client.ask(GetStill("p" * 1000))
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
                await pour(link, request("GetState"), 100_000)
            asked = time.monotonic()
            assert (await client.snapshot()).pid == pid
            assert time.monotonic() - asked < 5.0
            assert psutil.Process(pid).memory_info().rss - before < 60e6
            with pytest.raises(UsageError, match="rows can be asked for at once"):
                await client.ask(ListScans(last=MOST_ROWS + 1))
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
    assert client.model_stages > 5, "not while a scan was running"
