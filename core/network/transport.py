"""httpx transports that send each request on the way its host is reached; see `network.py`."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import socksio

from .routes import Routes


class RoutedTransport(httpx.BaseTransport):
    """Direct, or through a proxy, by the address of each request."""

    def __init__(self, routes: Routes, verify: ssl.SSLContext, limits: httpx.Limits) -> None:
        self._routes = routes
        self._verify = verify
        self._limits = limits
        self._ways: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises EnvironmentFault if its proxy is none."""
        with _understood():
            return self._way(str(request.url)).handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        for each in self._ways.values():
            each.close()

    def _way(self, url: str) -> httpx.HTTPTransport:
        proxy = self._routes.proxy_for(url)
        address = proxy.url if proxy else ""
        if address not in self._ways:
            self._ways[address] = httpx.HTTPTransport(
                verify=self._verify, limits=self._limits, proxy=address or None, trust_env=False
            )
        return self._ways[address]


class AsyncRoutedTransport(httpx.AsyncBaseTransport):
    """The same for an event loop."""

    def __init__(self, routes: Routes, verify: ssl.SSLContext, limits: httpx.Limits) -> None:
        self._routes = routes
        self._verify = verify
        self._limits = limits
        self._ways: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises EnvironmentFault if its proxy is none."""
        with _understood():
            return await self._way(str(request.url)).handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for each in self._ways.values():
            await each.aclose()

    def _way(self, url: str) -> httpx.AsyncHTTPTransport:
        proxy = self._routes.proxy_for(url)
        address = proxy.url if proxy else ""
        if address not in self._ways:
            self._ways[address] = httpx.AsyncHTTPTransport(
                verify=self._verify, limits=self._limits, proxy=address or None, trust_env=False
            )
        return self._ways[address]


@contextmanager
def _understood() -> Iterator[None]:
    """Give what a proxy without SOCKS support causes in httpcore 1.0 the kind httpx has for it."""
    try:
        yield
    except (socksio.SOCKSError, AssertionError) as error:
        raise httpx.ProxyError("the proxy does not support SOCKS 5") from error
