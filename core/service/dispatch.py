"""From a request to its reply: whether it may be asked, and which handler answers it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Set
from contextlib import aclosing
from typing import Any, TypeVar, cast

from ..errors import UsageError
from ..protocol.request import Request, Right, Streamed
from .context import Context
from .handlers.table import handler_of

T = TypeVar("T")
READ_ONLY = "connected with --readonly: changes are not allowed"
ENDING = "the engine is shutting down; try again when it has ended"
NOT_WHILE_ENDING: frozenset[Right] = frozenset(("write", "export"))


async def answer(context: Context, rights: Set[Right], request: Request[T]) -> T:
    """Return the reply to a request. Raises SightlineError, UsageError without the right."""
    if isinstance(request, Streamed):
        async with aclosing(parts_of(context, rights, request)) as parts:
            return cast("T", request.gathered([part async for part in parts]))
    _check(context, rights, request)
    return cast("T", await handler_of(type(request))(context, request))


async def parts_of(
    context: Context, rights: Set[Right], request: Streamed[T, Any]
) -> AsyncGenerator[T, None]:
    """Yield the parts of a streamed reply. Raises what `answer` does."""
    _check(context, rights, request)
    async with aclosing(handler_of(type(request))(context, request)) as parts:
        async for part in parts:
            yield part


def _check(context: Context, rights: Set[Right], request: Request[Any]) -> None:
    if request.RIGHT not in rights:
        raise UsageError(READ_ONLY)
    if context.is_ending and request.RIGHT in NOT_WHILE_ENDING:
        raise UsageError(ENDING)
