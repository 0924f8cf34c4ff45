"""Coming by a client: attached to the library's engine, or hosting one here."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from .discovery import running, started
from .errors import EngineGone
from .remote import RemoteClient

if TYPE_CHECKING:
    from .client import EngineClient


DYING_SECONDS = (0.1, 0.3, 1.0)
"""an engine that was killed holds its library and its socket for a moment yet"""


async def headless(library: Path) -> EngineClient:
    """Return a client of the running engine, or of one hosted in this process if none runs.

    Raises EnvironmentFault.
    """
    from .client import LocalClient

    listening = running(library)
    if listening is not None:
        try:
            return await RemoteClient.open(listening)
        except EngineGone:  # it ended just now: the library is free
            pass
    return await LocalClient.open(library)


async def attached(library: Path, *, readonly: bool = False) -> RemoteClient:
    """Return a client of the library's engine, started as a process of its own if none runs.

    Raises EnvironmentFault.
    """
    for pause in DYING_SECONDS:
        try:
            return await RemoteClient.open(await started(library), readonly=readonly)
        except EngineGone:
            await asyncio.sleep(pause)
    return await RemoteClient.open(await started(library), readonly=readonly)
