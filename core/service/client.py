"""Requests answered in this process: by an engine hosted here, or from a library alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Set
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import EngineBusy
from ..protocol.request import ALL_RIGHTS, LOCAL_RIGHTS, Request, Right, Streamed
from .context import Context
from .dispatch import answer, parts_of
from .interface import ANSWER_SECONDS, EngineClient
from .local import check_formats, folders_to_write, verified_without_engine

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..protocol.messages import Message
    from ..protocol.state import EngineState
    from ..sources.process import ReaderProcess
    from ..storage.library import Library

__all__ = [
    "EngineClient", "LibraryClient", "LocalClient", "ask_library",
    "check_formats", "folders_to_write", "verified_without_engine", "wait_for",
]  # fmt: skip
T = TypeVar("T")


class _InProcess(EngineClient):
    """Requests go to their handlers directly, with the rights this client was given."""

    def __init__(self, context: Context, rights: Set[Right]) -> None:
        self.context = context
        self._rights = rights

    async def ask(self, request: Request[T], timeout: float = ANSWER_SECONDS) -> T:
        """Return the reply to a request; one that may take any time is waited for."""
        try:
            async with asyncio.timeout(None if request.LONG else timeout):
                return await answer(self.context, self._rights, request)
        except TimeoutError:
            raise EngineBusy(f"there was no reply for {timeout:.0f} s; try again") from None

    async def stream(
        self, request: Streamed[T, Any], timeout: float = ANSWER_SECONDS
    ) -> AsyncGenerator[T, None]:
        """Yield the parts of a streamed reply as they come."""
        async with aclosing(parts_of(self.context, self._rights, request)) as parts:
            async for part in parts:
                yield part

    async def close(self) -> None:
        """Close the library."""
        await self.context.close()


class LocalClient(_InProcess):
    """An engine hosted in this process."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(Context(engine.library.folder, engine), ALL_RIGHTS)
        self._engine = engine

    @classmethod
    async def open(
        cls, folder: Path, nice: int = 0, reader: ReaderProcess | None = None
    ) -> LocalClient:
        """Start an engine over a library. Raises EnvironmentFault.

        `nice` is the nice value of its decoders; `reader` is one that runs already.
        """
        from ..engine.engine import open_engine

        return cls(open_engine(folder, nice, reader))

    @property
    def library(self) -> Library:
        """Return the library the engine writes."""
        return self._engine.library

    def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield numbered messages from `since` on, for ever."""
        return self._engine.events(since)

    def check_library(self) -> None:
        """Raise LibraryGone if the engine's library was deleted, moved or replaced."""
        self._engine.check_library()

    def watch_again(self) -> None:
        """Continue with the folders that an engine before this one watched."""
        self._engine.watch_again()

    def now(self) -> EngineState:
        """Return the current state; for callers outside an event loop."""
        return self._engine.snapshot()

    async def close(self) -> None:
        """Stop running scans after the current microbatch and close the library."""
        await super().close()
        await self._engine.close()


class LibraryClient(_InProcess):
    """A library without an engine: for reading and exports, also beside an engine that runs.

    It is opened by the first request that needs it, so models can be asked about without one.
    """

    def __init__(self, folder: Path, rights: Set[Right] = LOCAL_RIGHTS) -> None:
        super().__init__(Context(folder, in_threads=False), rights)

    async def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield nothing: without an engine nothing happens."""
        nothing: tuple[tuple[int, Message], ...] = ()
        for each in nothing:
            yield each


async def _asked(client: EngineClient, request: Request[T]) -> T:
    try:
        return await client.ask(request)
    finally:
        await client.close()


def ask_library(folder: Path, request: Request[T], rights: Set[Right] = LOCAL_RIGHTS) -> T:
    """Return the reply to one request about a library, without an engine. Raises SightlineError."""

    return wait_for(_asked(LibraryClient(folder, rights), request))


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run work to its end for a caller that is in no loop; Ctrl+C breaks it off at once.

    (`asyncio.run` would wait for the next `await` before it does.)
    """
    with asyncio.Runner() as runner:
        return runner.get_loop().run_until_complete(work)
