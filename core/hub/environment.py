"""What the environment says about the hub, read when it is asked for.

huggingface_hub reads the same variables once, when it is imported; an engine that runs for weeks
and tests that change them need them as they are now.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import EnvironmentFault

_TRUE = frozenset({"1", "on", "yes", "true"})
FETCHES_NOTHING = "scan"
"""what forbids the network where models are only to be used"""
_OFFLINE = ("SIGHTLINE_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def endpoint() -> str:
    """Return the address of the hub or its mirror (`HF_ENDPOINT`). Raises EnvironmentFault."""
    named = os.environ.get("HF_ENDPOINT", "").strip()
    if not named:
        from huggingface_hub import constants

        named = constants.ENDPOINT
    if not _is_address(named):  # it is not shown: it may hold a password
        raise EnvironmentFault(
            "HF_ENDPOINT is not a hub address; set it to https://HOST[:PORT], or unset it"
        )
    return named.rstrip("/")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, sound = parts.hostname or "", parts.port != 0
    except ValueError:
        return False
    legible = all(char.isprintable() and char not in ' \\"<>^`{|}' for char in text)
    return parts.scheme in ("http", "https") and bool(host) and sound and legible


def shown(hub: str) -> str:
    """Return an address without a name or key inside it."""
    scheme, _, rest = hub.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def cache_folder() -> Path:
    """Return the folder models lie in: the one every tool of the hub uses."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(name):
            return _path(named)
    if home := os.environ.get("HF_HOME"):
        return _path(home) / "hub"
    above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return _path(above) / "huggingface" / "hub"


def offline(flag: bool | str = False) -> str:
    """Return what forbids the network (`--offline`, or a variable), or an empty string."""
    if flag:
        return flag if isinstance(flag, str) else "--offline"
    for name in _OFFLINE:
        if os.environ.get(name, "").strip().lower() in _TRUE:
            return name
    return ""


def token() -> str | None:
    """Return the user's token for the hub, from wherever huggingface_hub keeps it.

    Raises EnvironmentFault where it was asked to fetch one and could not.
    """
    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").strip().lower() in _TRUE:
        return None
    from huggingface_hub import get_token

    try:
        found = get_token()
    except Exception as error:  # its words might hold a secret
        kind = type(error).__name__
        raise EnvironmentFault(
            f"could not read a token for the hub ({kind}); try `hf auth login`"
        ) from error
    return _sendable(found) if found else None


def _sendable(found: str) -> str:
    """Return a token if a header can hold it; a message never shows it. Raises EnvironmentFault."""
    for place, char in enumerate(found, 1):
        if not "!" <= char <= "~":
            what = "a letter that is not ASCII" if char.isprintable() and char != " " else (
                "a space, line break or control character"
            )  # fmt: skip
            where = "HF_TOKEN" if os.environ.get("HF_TOKEN") else "the token of `hf auth login`"
            raise EnvironmentFault(
                f"{where} holds {what} (character {place}), which no token of the hub has; copy it "
                "again, or log in with `hf auth login`"
            )
    return found


def symlinks_disabled() -> bool:
    """Return whether HF_HUB_DISABLE_SYMLINKS forbids links in the cache (huggingface_hub#4022)."""
    return os.environ.get("HF_HUB_DISABLE_SYMLINKS", "").strip().lower() in _TRUE


def _path(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser()
