"""What every front end talks to: one interface, whatever carries the requests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..protocol.replies import Accepted

if TYPE_CHECKING:
    from ..protocol.commands import Command
    from ..protocol.messages import Message
    from ..protocol.request import Request, Streamed
    from ..protocol.state import EngineState

T = TypeVar("T")
ANSWER_SECONDS = 30.0
"""so long a reply may take; of a request that may take any time, each sign of life"""


class Asks(Protocol):
    """What takes requests: a client, or the app's bridge to one."""

    async def ask(self, request: Request[T], timeout: float = ANSWER_SECONDS) -> T:
        """Return the reply to a request. Raises SightlineError."""


class EngineClient(ABC):
    """A transport of requests. State is a snapshot, messages are a numbered stream."""

    @abstractmethod
    async def ask(self, request: Request[T], timeout: float = ANSWER_SECONDS) -> T:
        """Return the reply to a request.

        Raises SightlineError: what the request raises, EngineBusy if there is no reply in time,
        EngineGone once the engine is gone.
        """

    @abstractmethod
    def stream(
        self, request: Streamed[T, Any], timeout: float = ANSWER_SECONDS
    ) -> AsyncGenerator[T, None]:
        """Yield the parts of a streamed reply as they come; raises what `ask` does.

        A caller that stops early closes the iterator (`contextlib.aclosing`), which ends the work.
        """

    @abstractmethod
    def events(self, since: int = 0) -> AsyncIterator[tuple[int, Message]]:
        """Yield numbered messages from `since` on, for ever."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect from the engine."""

    async def snapshot(self) -> EngineState:
        """Return the current state of the engine."""
        from ..protocol.requests.engine import GetState

        return await self.ask(GetState())

    async def send(self, command: Command) -> int:
        """Carry out a command and return the scan it is about. Raises SightlineError."""
        reply: object = await self.ask(command)
        return reply.scan if isinstance(reply, Accepted) else 0
