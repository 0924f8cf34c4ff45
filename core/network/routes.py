"""How the environment says that the network is reached: proxies, exceptions, certificates.

httpx reads the same variables while a client is made, and fails there with errors of many kinds;
here each is checked, and a fault names its variable. What differs from httpx 0.28: NO_PROXY also
takes networks (`10.0.0.0/8`) and addresses in brackets, as curl does (its manual, --noproxy);
REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE are read too. No message holds a password.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from ..errors import EnvironmentFault
from ..text import clean

if TYPE_CHECKING:
    import httpx

SCHEMES = ("http", "https", "socks5", "socks5h")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what names it."""

    variable: str
    url: str
    """with the password, if there is one"""

    @property
    def shown(self) -> str:
        """Return its address without a name or password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{clean(parts.netloc.rpartition('@')[2], limit=200)}"


@dataclass(frozen=True, slots=True)
class Routes:
    """Which hosts are reached through which proxy, read from the environment when it was made."""

    proxies: dict[str, Proxy]
    """by the scheme of what is asked for: `http`, `https`, or `all`"""
    exceptions: tuple[str, ...]
    """entries of NO_PROXY"""

    @classmethod
    def read(cls) -> Routes:
        """Return what the environment says. Raises EnvironmentFault for NO_PROXY."""
        named = getproxies()
        found = {
            scheme: Proxy(_variable(scheme), _with_scheme(named[scheme]))
            for scheme in ("http", "https", "all")
            if named.get(scheme)
        }
        entries = tuple(part.strip() for part in named.get("no", "").split(",") if part.strip())
        for entry in entries:
            _check_exception(entry)
        return cls(found, entries)

    def proxy_for(self, url: str) -> Proxy | None:
        """Return the proxy on the way to an address. Raises EnvironmentFault if it is none."""
        parts = urlsplit(url)
        proxy = self.proxies.get(parts.scheme) or self.proxies.get("all")
        if proxy is None or self._is_excepted(parts):
            return None
        _check_proxy(proxy)
        return proxy

    def _is_excepted(self, parts: SplitResult) -> bool:
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        return any(_excepts(entry, host, port) for entry in self.exceptions)


def client(url: str, **settings: Any) -> httpx.Client:
    """Return a client for an address, and for wherever it leads to. Raises EnvironmentFault."""
    import httpx

    from .transport import RoutedTransport

    routes = _routes(url)
    transport = RoutedTransport(routes, certificates(), settings.pop("limits", httpx.Limits()))
    return httpx.Client(transport=transport, trust_env=False, **settings)


def async_client(url: str, *, direct: bool, **settings: Any) -> httpx.AsyncClient:
    """Return the same as `client`; with `direct` no proxy is used. Raises EnvironmentFault."""
    import httpx

    transport = async_transport(url, direct=direct, limits=settings.pop("limits", httpx.Limits()))
    return httpx.AsyncClient(transport=transport, trust_env=False, **settings)


def async_transport(url: str, *, direct: bool, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
    """Return what carries the requests of a client of another library. Raises EnvironmentFault."""
    from .transport import AsyncRoutedTransport

    routes = Routes({}, ()) if direct else _routes(url)
    return AsyncRoutedTransport(routes, certificates(), limits)


def _routes(url: str) -> Routes:
    routes = Routes.read()
    routes.proxy_for(url)  # what is wrong with it is said before anything is asked for
    return routes


def certificates() -> ssl.SSLContext:
    """Return what servers' certificates are checked with. Raises EnvironmentFault."""
    name = next((name for name in CERTIFICATES if os.environ.get(name)), "")
    if not name:
        import certifi

        return _read_once(certifi.where(), 0)
    path = Path(os.environ[name])
    if name != "SSL_CERT_DIR" and not path.is_dir():
        return _from_file(name, path)
    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        raise _bad(name, f"{_shown(path)}: not a readable folder")
    return ssl.create_default_context(capath=str(path))


@lru_cache(maxsize=4)
def _read_once(path: str, _changed: int) -> ssl.SSLContext:
    """Return a file's certificates: reading takes 20 ms, and each file of a model has a client."""
    return ssl.create_default_context(cafile=path)


def words(url: str) -> str:
    """Return what of the environment has a say in reaching an address, for a message about it."""
    try:
        proxy = Routes.read().proxy_for(url)
    except (EnvironmentFault, ValueError):
        proxy = None
    through = f"through the proxy in {proxy.variable} ({proxy.shown})" if proxy else ""
    named = [name for name in (*PROXIES, *CERTIFICATES) if _is_set(name)]
    named = [name for name in named if proxy is None or name != proxy.variable.upper()]
    also = f"set in the environment: {', '.join(named)}" if named else ""
    return "; ".join(part for part in (through, also) if part)


def _from_file(name: str, path: Path) -> ssl.SSLContext:
    try:
        return _read_once(str(path), path.stat().st_mtime_ns)
    except ssl.SSLError as error:
        raise _bad(name, f"{_shown(path)} holds no certificates in PEM form") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _bad(name, f"{_shown(path)}: {clean(reason)}") from error


def _shown(path: Path) -> str:
    return clean(str(path), limit=200)


def _bad(name: str, why: str) -> EnvironmentFault:
    return EnvironmentFault(f"{name}: {why}; correct the variable, or unset it")


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(name.lower()))


def _variable(scheme: str) -> str:
    """Return the variable that names a proxy, as urllib finds it: in lower case first."""
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
        if os.environ.get(name):
            return name
    return f"the system's {scheme} proxy"


def _with_scheme(text: str) -> str:
    return text.strip() if "://" in text else f"http://{text.strip()}"


def _check_proxy(proxy: Proxy) -> None:
    import httpx

    try:
        parts = urlsplit(proxy.url)
        sound = bool(parts.hostname) and parts.port != 0
        httpx.URL(proxy.url)
    except (ValueError, httpx.InvalidURL):
        sound = False
        parts = urlsplit("")
    if parts.scheme.lower() in SCHEMES and sound:
        return
    kinds = ", ".join(f"{scheme}://" for scheme in SCHEMES)
    named = f"'{clean(parts.scheme, limit=20)}://' is" if sound else "its address is"
    raise _bad(proxy.variable, f"{named} not a proxy's; write one of {kinds} and HOST:PORT")


def _check_exception(entry: str) -> None:
    """Raise EnvironmentFault for an entry of NO_PROXY that stands for no host."""
    host, _ = _host_and_port(entry)
    wrong = any(char in host for char in "[]@\\ ") or not host.isprintable()
    if "/" in host or (":" in host and not wrong):
        try:
            ip_network(host, strict=False)
        except ValueError:
            wrong = True
    if wrong or not host:
        name = "no_proxy" if os.environ.get("no_proxy") else "NO_PROXY"
        raise _bad(name, f"'{clean(entry, limit=80)}' is not a host, address or network")


def _host_and_port(entry: str) -> tuple[str, int]:
    """Return the host, address or network of an entry, and the port it is limited to, or 0."""
    text = entry.partition("://")[2] or entry
    if text.startswith("[") and "]" in text:
        inside, _, after = text[1:].partition("]")
        network = after if after.startswith("/") else ""
        return inside + network, _port(after.lstrip(":"))
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return (host, _port(port)) if port.isdigit() else (text, 0)
    return text, 0


def _port(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 6 else 0


def _excepts(entry: str, host: str, port: int) -> bool:
    wanted, only = _host_and_port(entry)
    if only not in (0, port):
        return False
    if wanted == "*":
        return True
    try:
        return ip_address(host) in ip_network(wanted, strict=False)
    except ValueError:
        name = wanted.lower().lstrip("*").strip(".")
        return host == name or host.endswith(f".{name}")
