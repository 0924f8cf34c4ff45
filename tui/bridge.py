"""The app's side of the engine: the newest snapshot, what happened, and finding it again.

Screens read `state` on their own clocks; nothing is pushed into a widget. Everything here runs on
the app's loop and waits for nothing but the engine's socket. What speaks to the engine is imported
when it is attached to: the first picture needs none of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.errors import EngineGone, SightlineError

if TYPE_CHECKING:
    from core.protocol.commands import Command
    from core.protocol.messages import Message
    from core.protocol.queries import ExportRequest, Page, Query
    from core.protocol.state import EngineState
    from core.protocol.views import ExportState
    from core.service.remote import RemoteClient

Connection = Literal["starting", "attached", "lost", "stopped", "failed"]
POLL_SECONDS = 0.25
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
KEPT_EVENTS = 500


class Bridge:
    """One attachment, kept alive: an engine that died is started anew and attached to again."""

    def __init__(
        self, library: Path, *, readonly: bool, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self.library = library
        self.readonly = readonly
        self.poll_seconds = poll_seconds
        self.state: EngineState | None = None
        self.connection: Connection = "starting"
        self.trouble = ""
        """why there is no engine, in words"""
        self.recovered = False
        """attached again after an engine ended; who tells the user takes it back"""
        self.changes = 0
        """goes up whenever something finished, so lists may have changed"""
        self.events: deque[tuple[int, Message]] = deque(maxlen=KEPT_EVENTS)
        self.on_event: Callable[[Message], None] = _ignore
        self.attached_since = 0.0
        self._client: RemoteClient | None = None
        self._next = 0
        self._leaving = False
        self._wanted = asyncio.Event()
        """set once somebody here wants the engine that was stopped"""

    @property
    def engine_pid(self) -> int:
        """The process of the engine, 0 while there is none."""
        return int(self._client.facts.get("pid", 0)) if self._client else 0

    @property
    def answer_seconds(self) -> float:
        """How long the engine took to answer last."""
        return self._client.answer_seconds if self._client else 0.0

    async def run(self) -> None:
        """Stay attached until `leave`."""
        tries = 0
        while not self._leaving:
            try:
                await self._attach()
                tries = 0
                await self._follow()
            except EngineGone:
                if self._client is not None and self._client.ended:
                    await self._stopped()
                    continue
                self._lost("lost", "the engine ended; starting it again")
            except SightlineError as error:
                self._lost("failed", str(error))
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._lost("failed", f"the engine cannot be understood: {error}")
            if not self._leaving:
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1

    async def _stopped(self) -> None:
        """The engine was ended on purpose: wait until somebody, here or elsewhere, starts one."""
        from core.service.discovery import running

        self._lost("stopped", "the engine was stopped; add files, or r, starts it again")
        self._wanted.clear()
        while not self._leaving and not self._wanted.is_set() and running(self.library) is None:
            await asyncio.sleep(RETRY_SECONDS[1])

    async def leave(self) -> None:
        """Let go of the engine, which goes on."""
        self._leaving = True
        if self._client is not None:
            await self._client.close()

    async def send(self, command: Command) -> int:
        """Ask the engine for something, started again if it was stopped. Raises SightlineError."""
        if self.connection == "stopped" and not self.readonly:
            self._wanted.set()
            while self.connection == "stopped":
                await asyncio.sleep(self.poll_seconds)
        return await self._attached().send(command)

    async def rows(self, query: Query, first: int, last: int) -> Page:
        """Return a page of a list. Raises SightlineError."""
        return await self._attached().rows(query, first, last)

    async def instant(self, path: str, seconds: float) -> dict[str, Any]:
        """Return everything kept about one instant. Raises SightlineError."""
        return await self._attached().instant(path, seconds)

    async def still(self, path: str, seconds: float, longest_side: int) -> bytes:
        """Return a JPEG of an instant. Raises SightlineError."""
        return await self._attached().still(path, seconds, longest_side)

    async def export_rows(self, query: Query, format_: str, path: Path) -> int:
        """Write all rows of a list to a file. Raises SightlineError."""
        return await self._attached().export_rows(query, format_, path)

    async def begin_export(self, request: ExportRequest) -> int:
        """Start writing results as files; return the export's number. Raises SightlineError."""
        return await self._attached().begin_export(request)

    async def export_state(self, number: int) -> ExportState:
        """Return how an export stands. Raises SightlineError."""
        return await self._attached().export_state(number)

    async def samples(self, since: float) -> list[dict[str, Any]]:
        """Return what the machine did since a time. Raises SightlineError."""
        return await self._attached().samples(since)

    async def stop(self, how: str) -> None:
        """End the engine `now` or `after_source`. Raises SightlineError."""
        self._leaving = True
        await self._attached().stop(how)

    def _attached(self) -> RemoteClient:
        if self._client is None or self._client.gone:
            raise EngineGone(self.trouble or "the engine is still starting; try again in a moment")
        return self._client

    async def _attach(self) -> None:
        from core.service.attach import attached

        self._client = await attached(self.library, readonly=self.readonly)
        self.state = await self._client.snapshot()
        self._next = self.state.sequence
        self.recovered = self.connection in ("lost", "failed")
        self.connection, self.trouble = "attached", ""
        self.attached_since = time.monotonic()
        self.changes += 1

    async def _follow(self) -> None:
        listening = asyncio.ensure_future(self._hear())
        try:
            while not self._leaving:
                await asyncio.sleep(self.poll_seconds)
                before = self.state
                self.state = await self._attached().snapshot()
                if before is None or _order(before) != _order(self.state):
                    self.changes += 1
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError, SightlineError):
                await listening

    async def _hear(self) -> None:
        from core.protocol.messages import BatchDone, EventFound, JobReported

        async for number, event in self._attached().events(self._next):
            self._next = number + 1
            if not isinstance(event, JobReported):  # of a download, several a second
                self.events.append((number, event))
            if not isinstance(event, (BatchDone, EventFound, JobReported)):
                self.changes += 1
            self.on_event(event)

    def _lost(self, connection: Connection, why: str) -> None:
        self.connection, self.trouble = connection, why
        self.state = None
        if self._client is not None:
            self._client.hang_up()
        self._client = None
        self.changes += 1


def _order(state: EngineState) -> list[tuple[int, str]]:
    """Return which jobs are in the queue, and how they stand."""
    return [(job.number, job.state) for job in state.jobs]


def _ignore(_event: Message) -> None:
    """Stand in for a listener."""
