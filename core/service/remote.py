"""An engine in another process: requests go over its socket (`wire.py` says in which form).

Light to import: an app that only shows things loads none of what the engine needs.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any, TypeVar, cast

from .. import errors
from ..errors import EngineBusy, EngineGone, EnvironmentFault, SightlineError, UsageError
from ..protocol.codec import decoded
from ..protocol.messages import Message, event_from_json
from ..protocol.request import Request, Streamed, part_type, reply_type, request_to_json
from ..system import private_files as private
from ..text import clean
from .discovery import Listening
from .interface import ANSWER_SECONDS, EngineClient
from .wire import LINE_BYTES, MOST_IN_PROGRESS, PROTOCOL, WINDOW, line, not_understood

T = TypeVar("T")
CONNECT_SECONDS = 5.0
GONE = "the engine is gone"
_END = object()


class RemoteClient(EngineClient):
    """A viewer of an engine in another process. Every call raises EngineGone once it is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._slots = asyncio.Semaphore(MOST_IN_PROGRESS)
        self._in_progress: set[int] = set()
        """numbers of requests the engine has not answered, also those whose caller left"""
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._streams: dict[int, asyncio.Queue[Any]] = {}
        self._events: asyncio.Queue[tuple[int, Message] | None] = asyncio.Queue()
        self._listener = asyncio.ensure_future(self._listen())
        self._pid = 0
        self._why = GONE
        self._gone = False
        self._ended = False
        self.facts: dict[str, Any] = {}
        self.answer_seconds = 0.0
        """how long the engine took to answer last"""

    @classmethod
    async def open(
        cls, listening: Listening, *, readonly: bool = False, seconds: float = ANSWER_SECONDS
    ) -> RemoteClient:
        """Attach to an engine that answers within `seconds`.

        Raises EngineGone, EngineBusy, or EnvironmentFault for one that cannot be understood.
        """
        if listening.protocol != PROTOCOL:
            raise not_understood(listening.version)
        client = cls(*await connected(listening, seconds, LINE_BYTES))
        client._pid = listening.pid
        hello = {"protocol": PROTOCOL, "readonly": readonly}
        try:
            client.facts = await client._replied(seconds, {"hello": hello})
        except BaseException:
            client.hang_up()
            raise
        return client

    @property
    def ended(self) -> bool:
        """Return whether the engine said that it ends on purpose, as after `engine stop`."""
        return self._ended

    @property
    def gone(self) -> bool:
        """Return whether the engine has hung up."""
        return self._gone

    async def ask(self, request: Request[T], timeout: float = ANSWER_SECONDS) -> T:
        """Return the reply to a request; raises what `EngineClient.ask` does."""
        if isinstance(request, Streamed):
            parts = [part async for part in self.stream(request, timeout)]
            return cast("T", request.gathered(parts))
        body = {"ask": request_to_json(request)}
        reply = await self._replied(timeout, body, is_long=request.LONG)
        return cast("T", self._understood(reply_type(type(request)), reply))

    async def stream(
        self, request: Streamed[T, Any], timeout: float = ANSWER_SECONDS
    ) -> AsyncGenerator[T, None]:
        """Yield the parts of a streamed reply; raises what `EngineClient.stream` does."""
        parts: asyncio.Queue[Any] = asyncio.Queue(WINDOW + 1)
        number, answer = await self._sent(timeout, {"ask": request_to_json(request)}, parts)
        hint = part_type(type(request))
        try:
            while (part := await self._next_part(parts, answer, timeout)) is not _END:
                await self._say(timeout, {"id": number, "taken": 1})
                yield self._understood(hint, part)
        finally:
            self._streams.pop(number, None)
            answer.cancel()
            if number in self._in_progress and not self._gone:
                self._writer.write(line({"id": number, "cancel": True}))

    async def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield numbered messages from `since` on; ends with EngineGone."""
        await self._replied(ANSWER_SECONDS, {"events": since})
        while True:
            item = await self._events.get()
            if item is None:
                raise EngineGone(self._why)
            yield item

    async def close(self) -> None:
        """Disconnect from the engine, which keeps running."""
        self._listener.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def hang_up(self) -> None:
        """Disconnect from the engine without waiting for anything."""
        self._listener.cancel()
        self._writer.close()
        self._fail()

    async def _replied(self, seconds: float, body: dict[str, Any], *, is_long: bool = False) -> Any:
        """Return a reply. Raises EngineBusy if it, or with `is_long` a sign of life, is late."""
        _, answer = await self._sent(seconds, body)
        try:
            while not (await asyncio.wait([answer], timeout=seconds))[0]:
                await self._alive(seconds, is_long=is_long)
            return answer.result()
        finally:
            answer.cancel()

    async def _next_part(
        self, parts: asyncio.Queue[Any], answer: asyncio.Future[Any], seconds: float
    ) -> Any:
        """Return the next part, or `_END`. Raises what the reply ended with."""
        while True:
            if not parts.empty():
                return parts.get_nowait()
            if answer.done():
                answer.result()
                return _END
            getting = asyncio.ensure_future(parts.get())
            try:
                waits = [getting, answer]
                done, _ = await asyncio.wait(waits, timeout=seconds, return_when="FIRST_COMPLETED")
                if getting in done:
                    return getting.result()
            finally:
                getting.cancel()
            if not done:
                await self._alive(seconds, is_long=True)

    async def _alive(self, seconds: float, *, is_long: bool) -> None:
        """Return once the engine has answered a ping. Raises EngineBusy."""
        if not is_long:
            raise self._busy(seconds)
        await self._replied(seconds, {"ping": True})

    async def _sent(
        self, seconds: float, body: dict[str, Any], parts: asyncio.Queue[Any] | None = None
    ) -> tuple[int, asyncio.Future[Any]]:
        """Send a request; return its number and what becomes its answer."""
        number = next(self._numbers)
        data = line({"id": number, **body})
        if len(data) > LINE_BYTES:
            raise UsageError(f"the request is longer than {LINE_BYTES >> 20} MiB; name fewer paths")
        if "ask" in body:
            await self._slot(seconds)
            self._in_progress.add(number)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        if parts is not None:
            self._streams[number] = parts
        asked = time.monotonic()
        answer.add_done_callback(lambda _: self._answered(number, asked))
        try:
            await self._write(seconds, data)
        except BaseException:
            answer.cancel()
            raise
        return number, answer

    async def _slot(self, seconds: float) -> None:
        """Wait until the engine takes one more request of this connection. Raises EngineBusy."""
        while True:
            if self._gone:
                raise EngineGone(GONE)
            try:
                await asyncio.wait_for(self._slots.acquire(), seconds)
                return
            except TimeoutError:
                await self._alive(seconds, is_long=True)

    async def _say(self, seconds: float, body: dict[str, Any]) -> None:
        """Send what is not answered."""
        if not self._gone:  # what came before is still there to be taken
            await self._write(seconds, line(body))

    async def _write(self, seconds: float, data: bytes) -> None:
        if self._gone:
            raise EngineGone(GONE)
        try:
            self._writer.write(data)
            await asyncio.wait_for(self._writer.drain(), seconds)
        except TimeoutError:
            raise self._busy(seconds) from None
        except OSError as error:
            raise EngineGone(GONE) from error

    def _understood(self, hint: Any, body: Any) -> Any:
        try:
            return decoded(hint, body, "reply")
        except (TypeError, KeyError, ValueError) as error:
            text = clean(str(error), limit=200)
            raise EnvironmentFault(f"the engine's reply cannot be understood: {text}") from error

    def _answered(self, number: int, asked: float) -> None:
        self._waiting.pop(number, None)
        self.answer_seconds = time.monotonic() - asked

    def _busy(self, seconds: float) -> EngineBusy:
        return EngineBusy(
            f"the engine (process {self._pid}) has not answered for {seconds:.0f} s; "
            "try again, or end it with: sightline engine stop"
        )

    async def _listen(self) -> None:
        try:
            while raw := await self._reader.readline():
                self._take(json.loads(raw))
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            asyncio.QueueFull,
        ) as error:
            self._why = f"{GONE} ({clean(str(error), limit=200)})" if str(error) else GONE
        finally:
            self._writer.close()
            self._fail()

    def _fail(self) -> None:
        """Fail every pending request: no reply will come."""
        self._gone = True
        self._events.put_nowait(None)
        for number in list(self._in_progress):
            self._free(number)
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(EngineGone(self._why))
                answer.exception()  # the caller may have left

    def _free(self, number: int) -> None:
        """Note that a request is not in progress any more."""
        if number in self._in_progress:
            self._in_progress.discard(number)
            self._slots.release()

    def _take(self, body: dict[str, Any]) -> None:
        if "ended" in body:
            self._ended = True
            return
        if "event" in body:
            number, event = body["event"]
            self._events.put_nowait((number, event_from_json(event)))
            return
        if "part" in body:
            parts = self._streams.get(body["id"])
            if parts is not None:
                parts.put_nowait(body["part"])
            return
        self._take_answer(body)

    def _take_answer(self, body: dict[str, Any]) -> None:
        if body["id"] is None and "error" in body:  # why it closes the connection
            self._why = str(_fault(body["error"]))
        self._free(body["id"])
        answer = self._waiting.get(body["id"])
        if answer is None or answer.done():
            return
        if "error" in body:
            answer.set_exception(_fault(body["error"]))
            answer.exception()
        else:
            answer.set_result(body["ok"] if "ok" in body else body["end"])


async def connected(
    listening: Listening, seconds: float, limit: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection to an engine of this user, whatever its protocol.

    Raises EngineGone, EngineBusy, or EnvironmentFault for another user's process.
    """
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_unix_connection(listening.socket, limit=limit),
            min(seconds, CONNECT_SECONDS),
        )
    except (TimeoutError, BlockingIOError) as error:
        raise EngineBusy(
            f"the engine (process {listening.pid}) accepts no connection; try again, or end it "
            "with: sightline engine stop"
        ) from error
    except OSError as error:
        raise EngineGone(f"the engine (process {listening.pid}) does not answer") from error
    owner = private.peer_user(writer.get_extra_info("socket"))
    if owner is not None and not private.is_trusted(owner):
        writer.close()
        raise EnvironmentFault(
            f"another user's process (user {owner}) listens at {clean(listening.socket)}; "
            "remove that file, or name another --library"
        )
    return reader, writer


def _fault(body: dict[str, str]) -> SightlineError:
    """Return the error an engine reported, of its own class where there is such a class."""
    kind = getattr(errors, str(body.get("type")), SightlineError)
    text = clean(str(body.get("text", "")), limit=4000)
    if not isinstance(kind, type) or not issubclass(kind, SightlineError):
        return SightlineError(text)
    try:
        return kind(text)
    except TypeError:
        return SightlineError(text)
