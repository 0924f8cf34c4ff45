"""What servers were found to be able to do: `servers.json` in the configuration folder.

A server is asked once for each of its models; `models show --refresh` asks again.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...config.user_settings import config_folder
from ...text import clean
from .capabilities import Capabilities

MOST_SERVERS = 200
_NAMES = frozenset(each.name for each in fields(Capabilities))


def known(url: str, name: str) -> tuple[Capabilities, str] | None:
    """Return what a server's model can do and the UTC date on which it was asked, if it was."""
    kept = _read().get(_key(url, name))
    if not isinstance(kept, dict):
        return None
    found = {k: clean(v, limit=400) for k, v in kept.items() if k in _NAMES and isinstance(v, str)}
    if not found.get("images"):
        return None
    return Capabilities(**{"server": "", **found}), clean(str(kept.get("asked", "")), limit=20)


def keep(url: str, name: str, found: Capabilities) -> None:
    """Note what a server answered. One that could not be asked, or a full disk, notes nothing."""
    if not found.images:
        return
    values = {each: getattr(found, each) for each in sorted(_NAMES)}
    row = {**values, "asked": datetime.now(UTC).date().isoformat()}
    with suppress(OSError):
        _add(_key(url, name), row)


def _key(url: str, name: str) -> str:
    return f"{url.rstrip('/')}#{name}"


def _path() -> Path:
    return config_folder() / "servers.json"


def _read() -> dict[str, Any]:
    try:
        found = json.loads(_path().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _add(key: str, row: dict[str, str]) -> None:
    from filelock import FileLock

    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(".servers.json.lock"), mode=0o664):
        rows = _read()
        rows.pop(key, None)
        newest = dict([*rows.items(), (key, row)][-MOST_SERVERS:])
        temporary = path.with_name(f".servers.json.{os.getpid()}.part")
        temporary.write_text(json.dumps(newest, indent=1), encoding="utf-8")
        temporary.replace(path)
