"""One question over HTTP to an OpenAI-compatible server: sent, streamed, retried, understood."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ...text import clean
from ..protocols import Finish

if TYPE_CHECKING:
    import httpx

RETRIED = frozenset({408, 409, 425, 429})
LONGEST_WAIT_SECONDS = 60.0
MOST_BYTES = 16 * 2**20
_FINISHES: dict[str, Finish] = {"stop": "stop", "eos": "stop", "length": "length"}


class Unreachable(Exception):
    """No server answered, or the connection broke each time."""


class Garbled(Exception):
    """Something answered each time, and never a whole answer."""


class TooSlow(Exception):
    """The whole answer took longer than allowed."""


class Denied(Exception):
    """The server answered, and not with what was asked for."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True, slots=True)
class EndpointTimeouts:
    """How long to wait for one answer, and how often and how far apart to try."""

    timeout_seconds: float
    tries: int = 5
    first_wait_seconds: float = 0.25
    most_wait_seconds: float = 8.0


@dataclass(slots=True)
class Reply:
    """What came of one question; filled while it streams, so it is of use when cut off."""

    text: str = ""
    finish: Finish = "unknown"
    tokens_in: int | None = None
    tokens_out: int | None = None
    first_token_seconds: float | None = None
    ended: bool = False
    began: float = field(default_factory=time.perf_counter)

    def take(self, body: Mapping[str, Any]) -> None:
        """Take in a whole answer, or a piece of a streamed one. Raises ValueError if neither."""
        if isinstance(body.get("error"), dict | str):
            raise ValueError(said_in(body))
        usage = body.get("usage")
        if isinstance(usage, dict):
            self.tokens_in = _count(usage.get("prompt_tokens"))
            self.tokens_out = _count(usage.get("completion_tokens"))
        choices = body.get("choices")
        if not isinstance(choices, list):
            raise ValueError("it holds no choices")
        for choice in choices[:1]:
            self._take_choice(choice)

    def _take_choice(self, choice: Any) -> None:
        part = choice.get("delta") or choice.get("message") or {}
        words = _words(part.get("content"))
        thought = part.get("reasoning_content") or part.get("reasoning")
        if (words or thought) and self.first_token_seconds is None:
            self.first_token_seconds = time.perf_counter() - self.began
        self.text += words
        reason = choice.get("finish_reason")
        if reason:
            self.finish = _FINISHES.get(str(reason), "unknown")
            self.ended = True


async def ask(
    client: httpx.AsyncClient, body: Mapping[str, Any], patience: EndpointTimeouts
) -> Reply:
    """Ask until there is an answer. Raises Unreachable, Garbled, TooSlow or Denied."""
    import httpx

    for last in _tries(patience):
        try:
            async with asyncio.timeout(patience.timeout_seconds):
                return await _once(client, body)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise TooSlow(f"no answer within {patience.timeout_seconds:g} s") from error
        except _Again as again:
            if last.is_last:
                raise again.reason from again
            await asyncio.sleep(again.wait_seconds or last.wait_seconds)
        except (httpx.TransportError, ValueError) as error:
            if last.is_last:
                raise _given_up(error) from error
            await asyncio.sleep(last.wait_seconds)
    raise Unreachable("no attempt was made")


async def models(client: httpx.AsyncClient, patience: EndpointTimeouts) -> list[str] | None:
    """Return the names of a server's models, None if it does not report them.

    Raises Unreachable if no server answers there, Denied if it wants a key.
    """
    response = await _listed(client, patience)
    if response.status_code in (401, 403):
        raise Denied(response.status_code, said_in(_json(response.content)))
    if response.status_code != 200:
        return None
    listed = _json(response.content).get("data")
    rows = listed if isinstance(listed, list) else []
    return [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row] or None


async def _listed(client: httpx.AsyncClient, patience: EndpointTimeouts) -> httpx.Response:
    import httpx

    for last in _tries(patience):
        try:
            async with asyncio.timeout(patience.timeout_seconds):
                return await client.get("models")
        except (httpx.TransportError, TimeoutError) as error:
            if last.is_last:
                raise Unreachable(_transport(error)) from error
            await asyncio.sleep(last.wait_seconds)
    raise Unreachable("no attempt was made")


def said_in(body: Mapping[str, Any]) -> str:
    """Return what a server says is wrong, from any of the shapes it may say it in."""
    error = body.get("error", body.get("detail", body.get("message", "")))
    said = error.get("message", "") if isinstance(error, dict) else error
    text = said if isinstance(said, str) else json.dumps(said)
    return clean(text.strip(), limit=300)


class _Again(Exception):
    """The server asks for another try, after a while."""

    def __init__(self, reason: Denied, wait_seconds: float) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class _Try:
    is_last: bool
    wait_seconds: float


def _tries(patience: EndpointTimeouts) -> Iterator[_Try]:
    for number in range(patience.tries):
        longest = min(patience.most_wait_seconds, patience.first_wait_seconds * 2**number)
        # Not all of a batch come back in the same moment.
        wait = longest * random.uniform(0.5, 1.5)  # noqa: S311 no secret depends on it
        yield _Try(number + 1 == patience.tries, wait)


async def _once(client: httpx.AsyncClient, body: Mapping[str, Any]) -> Reply:
    reply = Reply()
    async with _answered(client, body) as response:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            async for line in _lines(response):
                if _is_over(line, reply):
                    break
        else:
            reply.take(_checked(await _bounded(response)))
            reply.first_token_seconds = None
            reply.ended = True
    if not reply.ended:
        raise ValueError("the answer was cut off")
    return reply


@asynccontextmanager
async def _answered(
    client: httpx.AsyncClient, body: Mapping[str, Any]
) -> AsyncIterator[httpx.Response]:
    async with client.stream("POST", "chat/completions", json=body) as response:
        if response.status_code == 200:
            yield response
            return
        said = said_in(_json(await _bounded(response))) or response.reason_phrase
        denied = Denied(response.status_code, f"HTTP {response.status_code}: {said}")
        if response.status_code in RETRIED or response.status_code >= 500:
            raise _Again(denied, _wait(response.headers.get("retry-after", "")))
        raise denied


def _is_over(line: bytes, reply: Reply) -> bool:
    """Take in one line of a stream; return whether it was the last."""
    if not line.startswith(b"data:"):
        return False
    data = line[len(b"data:") :].strip()
    if data == b"[DONE]":
        reply.ended = True
        return True
    if data:
        reply.take(_checked(data))
    return False


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield lines, split at line feeds only: an answer may hold other line ends as they are."""
    rest, total = b"", 0
    async for chunk in response.aiter_bytes():
        total += len(chunk)
        if total > MOST_BYTES:
            raise ValueError("the answer is too long")
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
    yield rest


async def _bounded(response: httpx.Response) -> bytes:
    found = bytearray()
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) > MOST_BYTES:
            raise ValueError("the answer is too long")
    return bytes(found)


def _checked(data: bytes) -> dict[str, Any]:
    read = json.loads(data)
    if not isinstance(read, dict):
        raise ValueError("the answer is not a JSON object")
    return read


def _json(data: bytes) -> dict[str, Any]:
    try:
        return _checked(data)
    except (ValueError, RecursionError):
        return {"error": data[:300].decode("utf-8", "replace")}


def _words(content: Any) -> str:
    if isinstance(content, list):
        return "".join(_words(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _wait(header: str) -> float:
    """Return the seconds a Retry-After asks for, at most a minute; 0 where it says nothing."""
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(LONGEST_WAIT_SECONDS, max(0.0, seconds))


def _given_up(error: Exception) -> Exception:
    if isinstance(error, ValueError):
        return Garbled(f"its answer cannot be read: {clean(str(error), limit=160)}")
    return Unreachable(_transport(error))


def _transport(error: Exception) -> str:
    name = type(error).__name__
    said = clean(str(error).strip(), limit=160)
    return f"{name}: {said}" if said else name
