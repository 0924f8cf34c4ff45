"""One client of the engine's process: what it asks is read, answered and written within bounds.

At most `MOST_IN_PROGRESS` requests of a connection are in progress; until one of them is answered
nothing more is read from it, so the kernel holds the client back. Heavy requests (they read the
library or decode) also take one of `MOST_AT_LENGTH` places until their reply was taken, which
bounds what a client that does not read can leave in memory. What belongs to a request in progress
(parts that were taken, a cancel) and pings take no place.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, nullcontext, suppress
from typing import Any, Protocol

from ..errors import EnvironmentFault, Interrupted, SightlineError, UsageError
from ..protocol.codec import encoded
from ..protocol.request import Request, Streamed, part_type, reply_to_json
from ..text import clean
from .wire import LINE_BYTES, MOST_IN_PROGRESS, WINDOW, error_body, line

log = logging.getLogger("sightline.server")
MOST_AT_LENGTH = 2
CHUNK_BYTES = 64 * 1024
ALL_LINES_BYTES = 2 * LINE_BYTES
"""of all connections together"""
CLOSE_TIMEOUT_SECONDS = 0.2


class Service(Protocol):
    """What serves a connection."""

    def hello(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Return the first line sent to a client. Raises EnvironmentFault."""

    def request(self, body: dict[str, Any]) -> Request[Any]:
        """Return the request of a JSON object. Raises KeyError or TypeError."""

    async def answer(self, request: Request[Any]) -> Any:
        """Return the reply. Raises SightlineError."""

    def parts(self, request: Streamed[Any, Any]) -> Any:
        """Return an asynchronous generator of the parts of a reply. Raises SightlineError."""

    def messages(self, since: int) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        """Yield numbered messages as JSON."""

    def former(self) -> EnvironmentFault:
        """Return the line sent to a client of the former protocol."""


class RequestBytes:
    """How many bytes of requests all connections hold that are not answered yet."""

    def __init__(self) -> None:
        self.bytes = 0

    def take(self, more: int, so_far: int) -> None:
        """Count `more` bytes of a request of which `so_far` are held. Raises UsageError."""
        if so_far + more > LINE_BYTES:
            raise UsageError(f"a request may hold at most {LINE_BYTES >> 20} MiB; name fewer paths")
        if self.bytes + more > ALL_LINES_BYTES:
            raise UsageError("the engine holds too many long requests; try again in a moment")
        self.bytes += more

    def give(self, count: int) -> None:
        """Count bytes no longer."""
        self.bytes -= count


class _Flow:
    """A streamed reply on its way: how many more parts the client takes, and what sends them."""

    def __init__(self) -> None:
        self.window = asyncio.Semaphore(WINDOW)
        self.is_cancelled = False
        self.task: asyncio.Task[Any] | None = None

    def take(self, count: int) -> None:
        """Let so many more parts go; never more than the window holds."""
        for _ in range(min(count, WINDOW)):
            self.window.release()

    def cancel(self) -> None:
        """Send no more."""
        self.is_cancelled = True
        if self.task is not None:
            self.task.cancel()


class Connection:
    """Reads requests and writes answers."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: RequestBytes,
        service: Service,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._writer = writer
        self._held = held
        self._service = service
        self._slots = asyncio.Semaphore(MOST_IN_PROGRESS)
        self._places = asyncio.Semaphore(MOST_AT_LENGTH)
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows: dict[Any, _Flow] = {}
        self._messages: asyncio.Task[None] | None = None
        self._bytes = self._line_bytes = 0
        self.last_use = time.monotonic()
        """when it last took something"""
        self.has_asked = False

    @property
    def last_asked(self) -> tuple[bool, float]:
        """Return what connections are ordered by, the least useful first."""
        return self.has_asked, self.last_use

    async def talk(self) -> None:
        """Answer requests until the other side is gone."""
        try:
            async for raw in self._lines():
                if self._writer.is_closing():
                    break  # no reader is left for the rest
                await self._take(raw)
                await asyncio.sleep(0)  # one request of each connection in turn
        except UsageError as error:  # a line longer than any of ours: what follows is none
            with suppress(OSError):
                await self.write({"id": None, "error": error_body(error)})
        except OSError:
            pass
        finally:
            for task in list(self._tasks):
                task.cancel()
            self._give(self._bytes)
            self.close()

    async def write(self, body: dict[str, Any]) -> None:
        """Send one line once those before it were taken. Raises OSError."""
        data = line(body)
        if len(data) > LINE_BYTES:
            text = f"the reply is longer than {LINE_BYTES >> 20} MiB; request less at once"
            data = line({"id": body.get("id"), "error": error_body(UsageError(text))})
        async with self._sending:
            if self._writer.is_closing():
                raise ConnectionResetError
            self._writer.write(data)
            await self._writer.drain()
        self.has_asked = True
        self.last_use = time.monotonic()

    async def close_with_notice(self) -> None:
        """Report that the engine ends on purpose, so that no client restarts it, and disconnect."""
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self.write({"ended": True}), CLOSE_TIMEOUT_SECONDS)
        self.close()

    def close(self) -> None:
        """Hang up; what was not taken is dropped."""
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        self._writer.close()

    async def _lines(self) -> AsyncIterator[bytes]:
        """Yield lines; each is counted in `_held` until it is answered."""
        parts: list[bytes] = []
        while chunk := await self._reader.read(CHUNK_BYTES):
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                whole = b"".join([*parts, self._counted(end)])
                parts, self._line_bytes = [], 0
                yield whole
            parts.append(self._counted(rest))

    def _counted(self, part: bytes) -> bytes:
        self._held.take(len(part), self._line_bytes)
        self._line_bytes += len(part)
        self._bytes += len(part)
        return part

    def _give(self, count: int) -> None:
        """Count bytes of this connection no longer; once it has ended all were given back."""
        count = min(count, self._bytes)
        self._bytes -= count
        self._held.give(count)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _take(self, raw: bytes) -> None:
        """Begin what a line asks for; what is no request in itself is done at once."""
        body = _read(raw)
        if "ask" in body:
            await self._slots.acquire()
            self._begin(self._asked(body, len(raw)))
            return
        try:
            reply = self._control(body)
            if reply is not None:
                await self.write({"id": body.get("id"), **reply})
        finally:
            self._give(len(raw))

    def _control(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """Do what takes no time, and return what is answered, if anything is."""
        try:
            return self._controlled(body)
        except Exception as error:
            return {"error": error_body(_fault_of(error))}

    def _controlled(self, body: dict[str, Any]) -> dict[str, Any] | None:
        flow = self._flows.get(_number_of(body))
        match body:
            case {"hello": dict(facts)}:
                return {"ok": self._service.hello(facts)}
            case {"ping": _}:
                return {"ok": True}
            case {"events": int(since)}:
                self._stream_messages(since)
                return {"ok": True}
            case {"taken": int(count)}:
                if flow is not None:
                    flow.take(count)
                return None
            case {"cancel": _}:
                if flow is not None:
                    flow.cancel()
                return None
            case {"do": _}:
                raise self._service.former()
        raise ValueError(body.get("unreadable", "neither ask, events nor ping"))

    def _stream_messages(self, since: int) -> None:
        """Send messages beside the answers, in place of the stream before."""
        if self._messages is not None:
            self._messages.cancel()
        self._messages = self._begin(self._send_messages(since))

    async def _send_messages(self, since: int) -> None:
        with suppress(OSError):
            async for number, message in self._service.messages(since):
                await self.write({"event": [number, message]})

    async def _asked(self, body: dict[str, Any], size: int) -> None:
        """Answer a request, and give its place back once the answer was taken."""
        number = _number_of(body)
        try:
            try:
                await self._answered(number, body)
            except Exception as error:
                if self._writer.is_closing():
                    return
                await self.write({"id": number, "error": error_body(_fault_of(error))})
        except OSError:
            pass  # the client is gone; `talk` notices it
        finally:
            self._give(size)
            self._slots.release()

    async def _answered(self, number: Any, body: dict[str, Any]) -> None:
        request = self._service.request(body["ask"])
        async with self._places if request.HEAVY else nullcontext():
            if isinstance(request, Streamed):
                await self._streamed(number, request)
                return
            reply = await self._service.answer(request)
            await self.write({"id": number, "ok": reply_to_json(request, reply)})

    async def _streamed(self, number: Any, request: Streamed[Any, Any]) -> None:
        """Send a reply part by part, each once the client has taken enough of those before."""
        if number in self._flows:
            raise ValueError(f"request {number} is in progress")
        flow = self._flows[number] = _Flow()
        # A task of its own: a cancel ends the work and not this request, which is still answered.
        flow.task = self._begin(self._send_parts(number, request, flow))
        try:
            await flow.task
            await self.write({"id": number, "end": True})
        except asyncio.CancelledError:
            if not flow.is_cancelled:
                raise
            raise Interrupted("the rest was cancelled") from None
        finally:
            flow.task.cancel()
            self._flows.pop(number, None)

    async def _send_parts(self, number: Any, request: Streamed[Any, Any], flow: _Flow) -> None:
        hint = part_type(type(request))
        async with aclosing(self._service.parts(request)) as parts:
            async for part in parts:
                await flow.window.acquire()
                await self.write({"id": number, "part": encoded(hint, part)})


def _number_of(body: dict[str, Any]) -> Any:
    """Return the number of a request; None for what can be none."""
    number = body.get("id")
    return number if isinstance(number, int) else None


def _fault_of(error: Exception) -> SightlineError:
    """Return an error in the form that is sent to a client."""
    if isinstance(error, SightlineError):
        return error
    if isinstance(error, (ValueError, KeyError, TypeError, AttributeError, RecursionError)):
        text = f"the engine does not know this request ({type(error).__name__}: {error})"
        return UsageError(clean(text, limit=500))
    if isinstance(error, OSError):
        return SightlineError(clean(str(error), limit=500))
    log.exception("a request failed", exc_info=error)
    text = f"internal error: {type(error).__name__}: {error}; see the engine's log"
    return SightlineError(clean(text, limit=500))


def _read(raw: bytes) -> dict[str, Any]:
    """Return the object of a line; one that cannot be read says so under `unreadable`."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return {"unreadable": str(error)}
    return body if isinstance(body, dict) else {"unreadable": "not an object"}
