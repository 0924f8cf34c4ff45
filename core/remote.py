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

from . import errors
from .commands import Command, command_to_json
from .discovery import PROTOCOL, Listening
from .errors import EngineGone, EnvironmentFault, SightlineError
from .events import Event, event_from_json
from .queries import ExportRequest, Page, Query, query_to_json
from .state import EngineState, state_from_json
from .text import clean
from .views import ExportState, Progress

LINE_BYTES = 64 * 1024 * 1024
CONNECT_SECONDS = 5.0


class RemoteClient:
    """A viewer of an engine in another process. Every call raises EngineGone once it is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._events: asyncio.Queue[tuple[int, Event] | None] = asyncio.Queue()
        self._listener = asyncio.ensure_future(self._listen())
        self._gone = False
        self._ended = False
        self.facts: dict[str, Any] = {}
        self.answer_seconds = 0.0
        """how long the engine took to answer last"""

    @classmethod
    async def open(cls, listening: Listening, *, readonly: bool = False) -> RemoteClient:
        """Attach to an engine. Raises EnvironmentFault for one that cannot be understood."""
        if listening.protocol != PROTOCOL:
            raise EnvironmentFault(
                f"the running engine is sightline {clean(listening.version)}, which this one does "
                "not understand; let it finish, or: sightline engine stop"
            )
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_unix_connection(listening.socket, limit=LINE_BYTES), CONNECT_SECONDS
            )
        except (OSError, TimeoutError) as error:
            raise EngineGone(f"the engine (process {listening.pid}) does not answer") from error
        client = cls(reader, writer)
        client.facts = await client._ask("hello", readonly=readonly)
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

    async def events(self, since: int = 0) -> AsyncIterator[tuple[int, Event]]:
        """Yield numbered events from `since` on; ends with EngineGone."""
        await self._ask("events", since=since)
        while True:
            item = await self._events.get()
            if item is None:
                raise EngineGone("the engine is gone")
            yield item

    async def send(self, command: Command) -> int:
        """Carry out a command and return the scan it is about. Raises SightlineError."""
        return int(await self._ask("send", command=command_to_json(command)))

    async def rows(self, query: Query, first: int, last: int) -> Page:
        """Return rows `first` to `last` - 1 of a list."""
        body = await self._ask("rows", query=query_to_json(query), first=first, last=last)
        return Page(body["total"], body["first"], tuple(body["rows"]))

    async def instant(self, path: str, seconds: float) -> dict[str, Any]:
        """Return everything kept about one instant of a source, as JSON."""
        body: dict[str, Any] = await self._ask("instant", path=path, seconds=seconds)
        return body

    async def still(self, path: str, seconds: float, longest_side: int) -> bytes:
        """Return a JPEG of an instant."""
        body = await self._ask("still", path=path, seconds=seconds, longest_side=longest_side)
        return base64.b64decode(body)

    async def export_rows(self, query: Query, format_: str, path: Path) -> int:
        """Write all rows of a list to a file (`jsonl` or `csv`) and return how many."""
        body = query_to_json(query)
        return int(await self._ask("export", query=body, format=format_, path=str(path)))

    async def begin_export(self, request: ExportRequest) -> int:
        """Start writing results as files; return the export's number."""
        return int(await self._ask("begin_export", request=query_to_json(request)))

    async def export_state(self, number: int) -> ExportState:
        """Return how an export stands."""
        body = await self._ask("export_state", number=number)
        progress = Progress(**body.pop("progress"))
        return ExportState(progress=progress, **body)

    async def samples(self, since: float) -> list[dict[str, Any]]:
        """Return what the machine did since a time (seconds since the epoch)."""
        body: list[dict[str, Any]] = await self._ask("samples", since=since)
        return body

    async def stop(self, how: str) -> None:
        """End the engine: `now`, after the microbatch in hand, or `after_source`."""
        with suppress(EngineGone):  # it may be gone before it has said so
            await self._ask("stop", how=how)

    async def close(self) -> None:
        """Let go of the engine, which goes on."""
        self._listener.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _ask(self, do: str, **request: Any) -> Any:
        if self._gone:
            raise EngineGone("the engine is gone")
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        asked = time.monotonic()
        try:
            self._writer.write(json.dumps({"id": number, "do": do, **request}).encode() + b"\n")
            await self._writer.drain()
            return await answer
        except (ConnectionError, OSError) as error:
            raise EngineGone("the engine is gone") from error
        finally:
            self._waiting.pop(number, None)
            self.answer_seconds = time.monotonic() - asked

    async def _listen(self) -> None:
        with suppress(ConnectionError, ValueError):
            while line := await self._reader.readline():
                self._take(json.loads(line))
        self._gone = True
        self._writer.close()
        self._events.put_nowait(None)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(EngineGone("the engine is gone"))

    def _take(self, body: dict[str, Any]) -> None:
        if "ended" in body:
            self._ended = True
            return
        if "event" in body:
            number, event = body["event"]
            self._events.put_nowait((number, event_from_json(event)))
            return
        answer = self._waiting.get(body["id"])
        if answer is None or answer.done():
            return
        if "error" in body:
            answer.set_exception(_fault(body["error"]))
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
