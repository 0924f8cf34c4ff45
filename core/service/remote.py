"""An engine in another process: the same client over its socket.

Light to import: an app that only shows things loads none of what the engine needs.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import errors
from ..errors import EngineBusy, EngineGone, EnvironmentFault, SightlineError, UsageError
from ..protocol.commands import Command, command_to_json
from ..protocol.messages import Message, event_from_json
from ..protocol.queries import ExportRequest, Page, Query, query_to_json
from ..protocol.state import EngineState, state_from_json
from ..protocol.views import ExportProgress, ExportState
from ..system import private_files as private
from ..text import clean
from .discovery import PROTOCOL, Listening

LINE_BYTES = 64 * 1024 * 1024
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
STOP_ANSWER_SECONDS = 3.0
GONE = "the engine is gone"


class RemoteClient:
    """A viewer of an engine in another process. Every call raises EngineGone once it is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
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
            raise EnvironmentFault(
                f"the running engine is sightline {clean(listening.version)}, which this one does "
                "not understand; let it finish, or: sightline engine stop"
            )
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_unix_connection(listening.socket, limit=LINE_BYTES),
                min(seconds, CONNECT_SECONDS),
            )
        except (TimeoutError, BlockingIOError) as error:
            raise EngineBusy(
                f"the engine (process {listening.pid}) takes no connection; try again, or end it "
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
        client = cls(reader, writer)
        client._pid = listening.pid
        try:
            client.facts = await client._ask("hello", limit=seconds, readonly=readonly)
        except BaseException:
            client.hang_up()
            raise
        return client

    @property
    def ended(self) -> bool:
        """Tell whether the engine said that it ends on purpose, as after `engine stop`."""
        return self._ended

    @property
    def gone(self) -> bool:
        """Tell whether the engine has hung up."""
        return self._gone

    async def snapshot(self) -> EngineState:
        """Return what everything looks like now."""
        return state_from_json(await self._ask("snapshot"))

    async def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield numbered events from `since` on; ends with EngineGone."""
        await self._ask("events", since=since)
        while True:
            item = await self._events.get()
            if item is None:
                raise EngineGone(self._why)
            yield item

    async def send(self, command: Command) -> int:
        """Carry out a command and return the scan it is about. Raises SightlineError."""
        return int(await self._ask_at_length("send", command=command_to_json(command)))

    async def rows(self, query: Query, first: int, last: int) -> Page:
        """Return rows `first` to `last` - 1 of a list."""
        body = await self._ask_at_length("rows", query=query_to_json(query), first=first, last=last)
        return Page(body["total"], body["first"], tuple(body["rows"]))

    async def instant(self, path: str, seconds: float) -> dict[str, Any]:
        """Return everything kept about one instant of a source, as JSON."""
        body: dict[str, Any] = await self._ask_at_length("instant", path=path, seconds=seconds)
        return body

    async def still(self, path: str, seconds: float, longest_side: int) -> bytes:
        """Return a JPEG of an instant."""
        body = await self._ask_at_length(
            "still", path=path, seconds=seconds, longest_side=longest_side
        )
        return base64.b64decode(body)

    async def export_rows(self, query: Query, format_: str, path: Path) -> int:
        """Write all rows of a list to a file (`jsonl` or `csv`) and return how many."""
        body = query_to_json(query)
        written = await self._ask_at_length("export", query=body, format=format_, path=str(path))
        return int(written)

    async def begin_export(self, request: ExportRequest) -> int:
        """Start writing results as files; return the export's number."""
        return int(await self._ask("begin_export", request=query_to_json(request)))

    async def export_state(self, number: int) -> ExportState:
        """Return how an export stands."""
        body = await self._ask("export_state", number=number)
        progress = ExportProgress(**body.pop("progress"))
        return ExportState(progress=progress, **body)

    async def samples(self, since: float) -> list[dict[str, Any]]:
        """Return what the machine did since a time (seconds since the epoch)."""
        body: list[dict[str, Any]] = await self._ask("samples", since=since)
        return body

    async def stop(self, how: str) -> None:
        """End the engine: `now`, after the microbatch in hand, or `after_source`."""
        with suppress(EngineGone):  # it may be gone before it has said so
            await self._ask_at_length("stop", limit=STOP_ANSWER_SECONDS, how=how)

    async def close(self) -> None:
        """Let go of the engine, which goes on."""
        self._listener.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def hang_up(self) -> None:
        """Let go of the engine without waiting for anything."""
        self._listener.cancel()
        self._writer.close()
        self._fail()

    async def _ask(self, do: str, *, limit: float = ANSWER_SECONDS, **request: Any) -> Any:
        """Return an answer that takes no long work. Raises EngineBusy if it does not come."""
        answer = await self._asked(do, limit, request)
        try:
            return await asyncio.wait_for(answer, limit)
        except TimeoutError:
            raise self._busy(limit) from None

    async def _ask_at_length(
        self, do: str, *, limit: float = ANSWER_SECONDS, **request: Any
    ) -> Any:
        """Return an answer however long it takes, as long as the engine answers other requests."""
        answer = await self._asked(do, limit, request)
        try:
            while not (await asyncio.wait([answer], timeout=limit))[0]:
                await self._ask("ping", limit=limit)
            return answer.result()
        finally:
            answer.cancel()

    async def _asked(self, do: str, seconds: float, request: dict[str, Any]) -> asyncio.Future[Any]:
        """Send a request and return what becomes its answer."""
        if self._gone:
            raise EngineGone(GONE)
        number = next(self._numbers)
        line = json.dumps({"id": number, "do": do, **request}).encode() + b"\n"
        if len(line) > LINE_BYTES:
            raise UsageError(f"the request is longer than {LINE_BYTES >> 20} MiB; name fewer paths")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        asked = time.monotonic()
        answer.add_done_callback(lambda _: self._answered(number, asked))
        try:
            self._writer.write(line)
            await asyncio.wait_for(self._writer.drain(), seconds)
        except TimeoutError:
            answer.cancel()
            raise self._busy(seconds) from None
        except OSError as error:
            answer.cancel()
            raise EngineGone(GONE) from error
        return answer

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
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._why = f"{GONE} ({clean(str(error), limit=200)})" if str(error) else GONE
        finally:
            self._writer.close()
            self._fail()

    def _fail(self) -> None:
        """Tell whoever waits that nothing will come."""
        self._gone = True
        self._events.put_nowait(None)
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(EngineGone(self._why))
                answer.exception()  # whoever asked may have left

    def _take(self, body: dict[str, Any]) -> None:
        if "ended" in body:
            self._ended = True
            return
        if "event" in body:
            number, event = body["event"]
            self._events.put_nowait((number, event_from_json(event)))
            return
        answer = self._waiting.get(body["id"])
        if body["id"] is None and "error" in body:  # why it hangs up
            self._why = str(_fault(body["error"]))
        if answer is None or answer.done():
            return
        if "error" in body:
            answer.set_exception(_fault(body["error"]))
            answer.exception()
        else:
            answer.set_result(body["ok"])


def _fault(body: dict[str, str]) -> SightlineError:
    """Return the error an engine told of, as its own kind where there is such a kind."""
    kind = getattr(errors, str(body.get("type")), SightlineError)
    text = clean(str(body.get("text", "")), limit=4000)
    if not isinstance(kind, type) or not issubclass(kind, SightlineError):
        return SightlineError(text)
    try:
        return kind(text)
    except TypeError:
        return SightlineError(text)
