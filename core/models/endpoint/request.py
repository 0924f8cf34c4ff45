"""One question over HTTP to an OpenAI-compatible server: sent, streamed, retried, understood."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ...text import clean
from .error_text import denied
from .faults import (
    AnswerFailed,
    Denied,
    EndpointTimeouts,
    Garbled,
    TooSlow,
    Unreachable,
)
from .json_text import TooDeep, object_in
from .reply import Reply
from .server_state import is_loading, will_not_pass
from .stream import MOST_BYTES, AnswerReader
from .waiting import Waiting

if TYPE_CHECKING:
    import httpx

RETRIED = frozenset({408, 409, 425, 429})
AFTER_THE_END_SECONDS = 1.0
"""how long an answer that ended is waited for: the number of tokens may follow"""
LIST_SECONDS = 10.0


async def ask(
    client: httpx.AsyncClient, body: Mapping[str, Any], patience: EndpointTimeouts, waiting: Waiting
) -> Reply:
    """Ask until there is an answer.

    Raises Unreachable, Garbled, TooSlow, AnswerFailed, Denied, or NotReady beyond the limit.
    """
    import httpx

    number, began = 0, time.monotonic()
    while True:
        try:
            return await _once(client, body, patience.timeout_seconds)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise TooSlow(f"no answer within {patience.timeout_seconds:g} s") from error
        except _Again as again:
            if is_loading(again.reason):
                await waiting.for_loading(again.reason, began)
                continue
            if again.wait_seconds > patience.wait_seconds:
                raise waiting.too_long(again.reason, again.wait_seconds) from again
            number += 1
            if number >= patience.tries:
                raise again.reason from again
            await waiting.announced(again.wait_seconds or _pause(patience, number))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            number += 1
            if number >= patience.tries or isinstance(error, httpx.InvalidURL):
                raise _given_up(error) from error
            await asyncio.sleep(_pause(patience, number))


async def models(
    client: httpx.AsyncClient, patience: EndpointTimeouts
) -> tuple[list[dict[str, Any]], str]:
    """Return what a server lists as its models, and its `Server` header.

    Nothing if it does not report them in time.
    """
    import httpx

    found, banner = bytearray(), ""
    with suppress(TimeoutError, httpx.HTTPError, AnswerFailed):
        async with asyncio.timeout(min(LIST_SECONDS, patience.timeout_seconds)):
            async with client.stream("GET", "models") as response:
                banner = response.headers.get("server", "")
                if response.status_code == 200:
                    found += await _bounded(response)
    listed = (object_in(bytes(found)) or {}).get("data")
    rows = listed if isinstance(listed, list) else []
    return [r for r in rows if isinstance(r, dict) and isinstance(r.get("id"), str)], banner


class _Again(Exception):
    """The server asks for another try, after a while."""

    def __init__(self, reason: Denied, wait_seconds: float) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.wait_seconds = wait_seconds


def _pause(patience: EndpointTimeouts, number: int) -> float:
    longest = min(patience.most_wait_seconds, patience.first_wait_seconds * 2.0 ** (number - 1))
    # Not all of a batch come back in the same moment.
    return longest * random.uniform(0.5, 1.5)  # noqa: S311 no secret depends on it


async def _once(client: httpx.AsyncClient, body: Mapping[str, Any], seconds: float) -> Reply:
    import httpx

    reply = Reply()
    reader = AnswerReader(reply)
    try:
        async with asyncio.timeout(seconds) as limit, _answered(client, body) as response:
            await _read(response, reader, reply, limit)
        reader.close()
    except (RecursionError, TooDeep):
        raise AnswerFailed("the answer is nested too deeply") from None
    except (TimeoutError, httpx.HTTPError, ValueError):
        _keep_whole(reader, reply)
        if not reply.ended:
            raise
    except Denied as fault:
        if is_loading(fault):  # a proxy passes the state of its server on inside an answer
            raise _Again(fault, 0.0) from fault
        if not reply.ended:
            raise
    return reply.concluded()


async def _read(
    response: httpx.Response, reader: AnswerReader, reply: Reply, limit: asyncio.Timeout
) -> None:
    async for chunk in response.aiter_bytes():
        had_ended = reply.ended
        reader.feed(chunk)
        if reader.over:
            return
        if reply.ended and not had_ended:
            end = asyncio.get_running_loop().time() + AFTER_THE_END_SECONDS
            limit.reschedule(min(end, limit.when() or end))


def _keep_whole(reader: AnswerReader, reply: Reply) -> None:
    """Take in what came before a connection broke or fell silent: it may be the whole answer."""
    if not reply.ended:
        with suppress(ValueError, AnswerFailed):
            reader.close()


@asynccontextmanager
async def _answered(
    client: httpx.AsyncClient, body: Mapping[str, Any]
) -> AsyncIterator[httpx.Response]:
    async with client.stream("POST", "chat/completions", json=body) as response:
        if response.status_code == 200:
            yield response
            return
        status, place = response.status_code, response.headers.get("location", "")
        said = b"" if 300 <= status < 400 else await _bounded(response)
        reason = f"redirects to {place}" if place else response.reason_phrase
        fault = denied(status, said, reason)
        if (status in RETRIED or status >= 500) and not will_not_pass(fault):
            raise _Again(fault, _wait(response.headers.get("retry-after", "")))
        raise fault


async def _bounded(response: httpx.Response) -> bytes:
    found = bytearray()
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) > MOST_BYTES:
            raise AnswerFailed("the answer is too long")
    return bytes(found)


def _wait(header: str) -> float:
    """Return the seconds a Retry-After asks for; 0 where it says nothing."""
    try:
        seconds = float(header or 0)
    except ValueError:
        try:
            seconds = float(parsedate_to_datetime(header).timestamp()) - time.time()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return 0.0 if math.isnan(seconds) else max(0.0, seconds)


def _given_up(error: Exception) -> Exception:
    import httpx

    if isinstance(error, (ValueError, httpx.DecodingError)):
        return Garbled(f"its answer cannot be read: {clean(str(error), limit=160)}")
    name = type(error).__name__
    said = clean(str(error).strip(), limit=160)
    return Unreachable(f"{name}: {said}" if said else name)
