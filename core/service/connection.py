"""One client of the engine's process: what it asks is read, answered and written within bounds.

At most `MOST_IN_PROGRESS` requests of a connection are in progress; until one of them is answered
nothing more is read from it, so the kernel holds the client back. Requests that read the library
or decode also take one of `MOST_AT_LENGTH` places until their answer was taken, which bounds what a
client that does not read can leave in memory.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import nullcontext, suppress
from typing import Any

from ..errors import SightlineError, UsageError
from ..text import clean

log = logging.getLogger("sightline.server")
MOST_IN_PROGRESS = 32
MOST_AT_LENGTH = 2
CHUNK_BYTES = 64 * 1024
LINE_BYTES = 64 * 1024 * 1024
"""the longest request: about 500,000 paths"""
ALL_LINES_BYTES = 2 * LINE_BYTES
"""of all connections together"""
FAREWELL_SECONDS = 0.2
Answer = Callable[[dict[str, Any]], Awaitable[Any]]


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


class Connection:
    """Reads requests and writes answers. `answers` does what is asked, by the name of it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: RequestBytes,
        answers: dict[str, Answer], at_length: frozenset[str],
    ) -> None:  # fmt: skip
        """`at_length` are the requests that take a place of `MOST_AT_LENGTH`."""
        self._reader = reader
        self._writer = writer
        self._held = held
        self._answers = answers
        self._at_length = at_length
        self._slots = asyncio.Semaphore(MOST_IN_PROGRESS)
        self._places = asyncio.Semaphore(MOST_AT_LENGTH)
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stream: asyncio.Task[None] | None = None
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
            async for line in self._lines():
                await self._slots.acquire()
                if self._writer.is_closing():
                    break  # nobody waits for the rest
                self._begin(self._answered(line))
                await asyncio.sleep(0)  # one request of each connection in turn
        except UsageError as error:  # a line longer than any of ours: what follows is none
            with suppress(OSError):
                await self.write({"id": None, "error": _error_body(error)})
        except OSError:
            pass
        finally:
            for task in list(self._tasks):
                task.cancel()
            self._give(self._bytes)
            self.close()

    def stream(self, work: Coroutine[Any, Any, None]) -> None:
        """Send what `work` writes beside the answers, in place of the stream before."""
        if self._stream is not None:
            self._stream.cancel()
        self._stream = self._begin(work)

    async def write(self, body: dict[str, Any]) -> None:
        """Send one line once those before it were taken. Raises OSError."""
        async with self._sending:
            if self._writer.is_closing():
                raise ConnectionResetError
            self._writer.write(json.dumps(body, default=str).encode() + b"\n")
            await self._writer.drain()
        self.has_asked = True
        self.last_use = time.monotonic()

    async def dismiss(self) -> None:
        """Say that the engine ends on purpose, and hang up: so that nobody starts it again."""
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self.write({"ended": True}), FAREWELL_SECONDS)
        self.close()

    def close(self) -> None:
        """Hang up; what was not taken is dropped."""
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        self._writer.close()

    async def _lines(self) -> AsyncIterator[bytes]:
        """Yield requests; each is counted in `_held` until it is answered."""
        parts: list[bytes] = []
        while chunk := await self._reader.read(CHUNK_BYTES):
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                line = b"".join([*parts, self._counted(end)])
                parts, self._line_bytes = [], 0
                yield line
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

    async def _answered(self, line: bytes) -> None:
        try:
            request = _read(line)
            place = self._places if str(request.get("do")) in self._at_length else nullcontext()
            async with place:
                await self.write(await self._answer(request))
        except OSError:
            pass  # it is gone; `talk` hears of it
        finally:
            self._give(len(line))
            self._slots.release()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        number = request.get("id")
        try:
            if "unreadable" in request:
                raise ValueError(request["unreadable"])
            return {"id": number, "ok": await self._answers[request["do"]](request)}
        except SightlineError as error:
            return {"id": number, "error": _error_body(error)}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            text = f"the engine does not know this request ({type(error).__name__}: {error})"
            return {"id": number, "error": _error_body(UsageError(clean(text, limit=500)))}
        except OSError as error:
            return {
                "id": number,
                "error": _error_body(SightlineError(clean(str(error), limit=500))),
            }
        except Exception as error:
            log.exception("a request failed")
            text = f"internal error: {type(error).__name__}: {error}; see the engine's log"
            return {"id": number, "error": _error_body(SightlineError(clean(text, limit=500)))}


def _read(line: bytes) -> dict[str, Any]:
    """Return a request; one that cannot be read says so under `unreadable`."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {"unreadable": str(error)}
    return request if isinstance(request, dict) else {"unreadable": "not an object"}


def _error_body(error: SightlineError) -> dict[str, str]:
    return {"type": type(error).__name__, "text": str(error)}
