"""Ending the engine of a library from outside: asked first, then as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import EngineBusy, EngineGone, EnvironmentFault
from ..protocol.requests.engine import StopEngine, StopHow
from ..storage.lock import is_held
from .discovery import Listening
from .former_protocol import stop_former
from .interface import Asks
from .remote import RemoteClient
from .wire import FORMER_PROTOCOL, PROTOCOL

ASK_SECONDS = 2.5
STOP_ANSWER_SECONDS = 3.0
NOW_SECONDS = 4.0
"""how long an engine that was asked to end now may take for its current microbatch"""
TERM_SECONDS = 3.0
KILL_SECONDS = 2.0
RELEASE_SECONDS = 6.0
"""a little more than the engine gives itself (`server.END_SECONDS`)"""
ENGINE_MODULES = frozenset(("core.service.server", "core.server"))
"""what an engine runs as, of this version and of earlier ones"""
LOOK_SECONDS = 0.05


async def ask_to_stop(client: Asks, how: StopHow) -> None:
    """Have an engine end; it may be gone before it has said so. Raises SightlineError."""
    with suppress(EngineGone):
        await client.ask(StopEngine(how), timeout=STOP_ANSWER_SECONDS)


async def end_engine(library: Path, found: Listening, how: StopHow) -> bool:
    """End an engine and return whether it answered; one that does not is ended as a process.

    `how` is `now` or `after_source`; only `now` ends a process by a signal: what it has kept is
    kept, and at most the current microbatch is done again. Raises EnvironmentFault.
    """
    try:
        if found.protocol not in (PROTOCOL, FORMER_PROTOCOL) and how == "now":
            await asyncio.to_thread(end_process, library, found.pid)  # it understands no request
            return True
        await _ask_to_end(found, how)
    except EngineGone:
        pass
    except EngineBusy:
        if how != "now":
            raise
        await asyncio.to_thread(end_process, library, found.pid)
        return False
    # It closed the connection; the library is released soon after, or the process is ended.
    if not await asyncio.to_thread(_within, RELEASE_SECONDS, lambda: not is_held(library)):
        await asyncio.to_thread(end_process, library, found.pid)
    return True


async def _ask_to_end(found: Listening, how: StopHow) -> None:
    limit = NOW_SECONDS if how == "now" else None
    if found.protocol == FORMER_PROTOCOL:
        await stop_former(found, how, ASK_SECONDS, limit)
        return
    client = await RemoteClient.open(found, seconds=ASK_SECONDS)
    try:
        async with asyncio.timeout(limit):
            await ask_to_stop(client, how)
            while not client.gone:
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise EngineBusy("the engine is processing a long microbatch") from error
    finally:
        await client.close()


def end_process(library: Path, pid: int) -> None:
    """Have a process that holds a library end, by SIGTERM and then by SIGKILL.

    Raises EnvironmentFault if it is no engine of ours, or does not end.
    """
    if not _is_engine(pid):
        raise EnvironmentFault(
            f"process {pid} holds the library and is not your engine; stop it yourself"
        )
    for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if _within(seconds, lambda: not is_held(library)):
            return
    raise EnvironmentFault(f"the engine (process {pid}) cannot be ended")


def _is_engine(pid: int) -> bool:
    """Return whether a process runs an engine for this user."""
    import psutil

    try:
        process = psutil.Process(pid)
        mine = os.getuid() in (process.uids().real, 0)
        return mine and bool(ENGINE_MODULES.intersection(process.cmdline()))
    except psutil.NoSuchProcess:
        return True  # it ended just now
    except psutil.Error:
        return False


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(LOOK_SECONDS)
    return holds()
