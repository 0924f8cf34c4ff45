"""The way to a server: its address, the key, and a thread of our own that talks to it.

The key comes from SIGHTLINE_ENDPOINT_KEY, or else OPENAI_API_KEY; an empty SIGHTLINE_ENDPOINT_KEY
means none. It is in no message and no log, and never goes over a network unencrypted.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ...errors import ModelRefused, UsageError
from ...network import routes as network
from ...text import clean
from ..protocols import Loading
from .faults import EndpointTimeouts

T = TypeVar("T")
KEYS = ("SIGHTLINE_ENDPOINT_KEY", "OPENAI_API_KEY")
CONNECT_SECONDS = 10.0
LOOK_SECONDS = 0.05
"""how often it is checked whether the user cancelled"""


class EndpointConnection:
    """One connection pool in one thread. `slots` bounds the requests under way.

    Any thread may call `run`; everything else belongs to what it runs.
    """

    def __init__(self, url: str, key: str, concurrency: int, patience: EndpointTimeouts) -> None:
        import httpx

        self.slots = asyncio.Semaphore(concurrency)
        self.client = network.async_client(
            url,
            direct=is_this_machine(url),  # a proxy is of no use on the way to ourselves
            base_url=f"{url}/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(
                patience.timeout_seconds,
                connect=min(CONNECT_SECONDS, patience.timeout_seconds),
                pool=None,
            ),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="sightline-endpoint", daemon=True
        )
        self._thread.start()

    def run(
        self, work: Coroutine[Any, Any, T], cancelled: Callable[[], bool] = lambda: False
    ) -> T | None:
        """Run `work` in the thread and wait for it; drop it, and return None, once `cancelled()`.

        What it raises is raised here.
        """
        stop = asyncio.Event()
        future = asyncio.run_coroutine_threadsafe(_until(stop, work), self._loop)
        while not wait([future], LOOK_SECONDS).done:
            if cancelled():
                self._loop.call_soon_threadsafe(stop.set)
        return future.result()

    def close(self) -> None:
        """Hang up and end the thread; once more is no harm."""
        if self._loop.is_closed():
            return
        self.run(self.client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def address_of(loading: Loading) -> str:
    """Return a server's address without a slash at its end. Raises UsageError if there is none."""
    url = str(loading.options.get("url", "")).rstrip("/")
    if not _is_address(url):
        raise UsageError(
            f"'{clean(url, limit=200)}' is not an endpoint address; write http://HOST:PORT/v1#MODEL"
        )
    return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def key_for(url: str) -> str:
    """Return the key for a server, "" for none.

    Raises ModelRefused for a key that is none, or that others on the network could read.
    """
    named = next((name for name in KEYS if name in os.environ), "")
    key = os.environ.get(named, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ModelRefused(
            f"{named} holds characters that no key has (a line break, a letter outside ASCII); set "
            "it again"
        )
    if key and urlsplit(url).scheme == "http" and not is_this_machine(url):
        raise ModelRefused(
            f"{clean(url, limit=200)}: the key in {named} would go over the network unencrypted; "
            "use https, or set SIGHTLINE_ENDPOINT_KEY to nothing if that server wants none"
        )
    return key


def is_this_machine(url: str) -> bool:
    """Return whether an address cannot lead out of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Do `work`; drop it and return None once `stop` is set."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
    with suppress(asyncio.CancelledError):
        return await task
    return None
