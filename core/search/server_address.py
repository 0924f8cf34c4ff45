"""Which Qdrant server holds the vectors, if any: environment variables go before the settings.

A key is never sent over a network unencrypted, and is in no message.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..config import user_settings
from ..errors import UsageError
from ..text import clean

URL, KEY = "QDRANT_URL", "QDRANT_API_KEY"
_PORT = 6333


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A server and how long it may take."""

    url: str
    key: str = field(default="", repr=False)
    timeout_seconds: float = 30.0

    @property
    def shown(self) -> str:
        """Return the address for messages."""
        return clean(self.url)


def chosen_server(environment: Mapping[str, str] = os.environ) -> ServerAddress | None:
    """Return the server that the user chose; None for the index in the library's folder.

    Raises UsageError for an address that cannot be one, or a key that would be sent in the clear.
    """
    settings = user_settings.load().search
    url = environment.get(URL) or str(settings.get("url", ""))
    if not url.strip():
        return None
    key = environment.get(KEY) or str(settings.get("api_key", ""))
    return checked(url.strip(), key, float(settings.get("timeout", 30)))


def checked(url: str, key: str, timeout: float = 30.0) -> ServerAddress:
    """Return an address that can be used. Raises UsageError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            f"{URL}: '{_without_key(url)}' is no address of a server; write https://HOST:{_PORT}"
        )
    if parts.username or parts.password:
        raise UsageError(f"{URL} must hold no password; put the key into {KEY}")
    if key and parts.scheme == "http" and not _is_this_machine(host):
        raise UsageError(
            f"{KEY} is not sent to {clean(host)} over plain http; use an https:// address"
        )
    default = 443 if parts.scheme == "https" else 80
    shown = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/")
    return ServerAddress(f"{parts.scheme}://{shown}:{port or _port(url, default)}{path}", key,
                         timeout)  # fmt: skip


def _port(url: str, default: int) -> int:
    """Return the port of an address without one: Qdrant's own, unless it has a path."""
    return default if urlsplit(url).path.strip("/") else _PORT


def is_this_machine(url: str) -> bool:
    """Return whether an address leads to this machine."""
    return _is_this_machine(urlsplit(url).hostname or "")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _without_key(url: str) -> str:
    return clean(url.rpartition("@")[2], limit=200)
