"""Coming by a client: attached to the library's engine, or hosting one here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ..errors import EngineGone
from .discovery import running, started

if TYPE_CHECKING:
    from ..sources.process import ReaderProcess
    from .interface import EngineClient
    from .remote import RemoteClient


Ready: TypeAlias = "ReaderProcess"
"""a reader that runs already"""
DYING_SECONDS = (0.1, 0.3, 1.0)
"""an engine that was killed holds its library and its socket for a moment yet"""


def reader_for(library: Path, paths: Sequence[str]) -> ReaderProcess | None:
    """Start what an engine in this process will read these paths with, if one is a video.

    It loads its decoders while this process still finds out what it is asked to do.
    """
    from ..sources.find import VIDEO_SUFFIXES
    from ..sources.process import ReaderProcess

    names_video = any(os.path.splitext(path)[1].lower() in VIDEO_SUFFIXES for path in paths)
    if not names_video or running(library) is not None:
        return None
    try:
        return ReaderProcess(for_videos=True)
    except OSError:  # no process can be started: the caller that needs one reports it
        return None


async def headless(library: Path, reader: ReaderProcess | None = None) -> EngineClient:
    """Return a client of the running engine, or of one hosted in this process if none runs.

    `reader` is what `reader_for` started. Raises EnvironmentFault.
    """
    from .client import LocalClient

    listening = running(library)
    if listening is not None:
        from .remote import RemoteClient

        try:
            return await RemoteClient.open(listening)
        except EngineGone:  # it ended just now: the library is free
            pass
    return await LocalClient.open(library, reader=reader)


async def attached(library: Path, *, readonly: bool = False) -> RemoteClient:
    """Return a client of the library's engine, started as a process of its own if none runs.

    Raises EnvironmentFault.
    """
    import asyncio

    from .remote import RemoteClient

    for pause in DYING_SECONDS:
        try:
            return await RemoteClient.open(await started(library), readonly=readonly)
        except EngineGone:
            await asyncio.sleep(pause)
    return await RemoteClient.open(await started(library), readonly=readonly)
