"""The app's side of the engine: the newest snapshot, what happened, and finding it again.

Screens read `state` on their own clocks; nothing is pushed into a widget. Everything here runs on
the app's loop and waits for nothing but the engine's socket. The modules that connect to the
engine are imported when it is attached to: the first paint needs none of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from core.errors import EngineGone, SightlineError

if TYPE_CHECKING:
    from core.protocol.messages import Message
    from core.protocol.request import Request, Streamed
    from core.protocol.state import EngineState
    from core.service.remote import RemoteClient

T = TypeVar("T")
Connection = Literal["starting", "attached", "lost", "stopped", "failed"]
POLL_SECONDS = 0.25
ANSWER_SECONDS = 30.0
"""as of `core.service.interface`, which the first paint does not load"""
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
KEPT_EVENTS = 500


class Bridge:
    """One attachment, kept alive: an engine that died is restarted and attached to again."""

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
        """attached again after an engine ended; reset by the code that notifies the user"""
        self.changes = 0
        """goes up whenever something finished, so lists may have changed"""
        self.events: deque[tuple[int, Message]] = deque(maxlen=KEPT_EVENTS)
        self.on_event: Callable[[Message], None] = _ignore
        self._client: RemoteClient | None = None
        self._next = 0
        self._leaving = False
        self._wanted = asyncio.Event()
        """set once a user here wants the engine that was stopped"""

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
                self._lost("failed", f"cannot understand the engine: {error}")
            if not self._leaving:
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1

    async def _stopped(self) -> None:
        """The engine was ended on purpose: wait until a user, here or elsewhere, starts one."""
        from core.service.discovery import running

        self._lost("stopped", "the engine was stopped; add files or press r to start it again")
        self._wanted.clear()
        while not self._leaving and not self._wanted.is_set() and running(self.library) is None:
            await asyncio.sleep(RETRY_SECONDS[1])

    async def leave(self) -> None:
        """Disconnect from the engine, which keeps running."""
        self._leaving = True
        if self._client is not None:
            await self._client.close()

    async def ask(self, request: Request[T], timeout: float = ANSWER_SECONDS) -> T:
        """Return the reply to a request. Raises SightlineError.

        What writes starts an engine that was stopped; what only reads does not.
        """
        await self._started_for(request)
        return await self._attached().ask(request, timeout)

    def stream(self, request: Streamed[T, Any]) -> AsyncGenerator[T, None]:
        """Yield the parts of a streamed reply as they come. Raises SightlineError."""
        return self._attached().stream(request)

    def end_with_engine(self) -> None:
        """Start no engine any more: the caller is about to stop it."""
        self._leaving = True

    async def _started_for(self, request: Request[Any]) -> None:
        if self.connection != "stopped" or self.readonly or request.RIGHT != "write":
            return
        self._wanted.set()
        while self.connection == "stopped":
            await asyncio.sleep(self.poll_seconds)

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
    """Return which jobs are in the queue, and their states."""
    return [(job.number, job.state) for job in state.jobs]


def _ignore(_event: Message) -> None:
    """Stand in for a listener."""
