"""The engine as a process of its own: `python -m core.service.server LIBRARY`.

Listens on a unix socket only its owner may open; `wire.py` says what its lines are. Every viewer
has a task of its own, so one whose link stalls delays neither the others nor the scan;
`connection.py` bounds what each can ask for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..engine.machine_monitor import MachineMonitor
from ..errors import EnvironmentFault, LibraryGone, SightlineError
from ..protocol.messages import event_to_json
from ..protocol.request import ALL_RIGHTS, READ_RIGHTS, Request, Streamed, request_from_json
from ..sources.pools import BEHIND_AN_APP
from ..system import private_files as private
from ..system.disk_errors import disk_errors, disk_fault_of
from ..version import sightline_version
from .client import LocalClient
from .connection import CHUNK_BYTES, Connection, RequestBytes
from .context import working
from .discovery import Listening, announce, discovery_file, socket_path
from .dispatch import answer, parts_of
from .engine_log import log_to
from .handlers.table import all_handlers
from .wire import PROTOCOL, not_understood

log = logging.getLogger("sightline.server")
MOST_CONNECTIONS = 64
"""one that never asked for anything is closed for a new one, else the one that asked longest ago"""
END_SECONDS = 5.0
"""what is still in progress so long after the last scan ended is not waited for"""
LOOK_SECONDS = 0.2
IDLE_SECONDS = 300.0
"""an engine without clients and without jobs ends after so long"""
NICE = 5
"""an app waits for no scan; decoders are nicer still (`BEHIND_AN_APP`)"""


class Server:
    """Serves one engine until it is asked to stop, or is idle for a while."""

    def __init__(self, client: LocalClient, library: Path, idle_seconds: float) -> None:
        all_handlers()  # from now on every request is known
        self._client = client
        self._library = library
        self._idle_seconds = idle_seconds
        self._viewers: set[_Viewer] = set()
        self._held = RequestBytes()
        self._stop = client.context.has_ended
        self._last_use = time.monotonic()
        self._started = time.time()
        self._monitor = client.context.monitor = MachineMonitor(library, client.now)

    async def serve(self) -> None:
        """Listen until stopped; then end running scans after the current microbatch.

        Raises EnvironmentFault: LibraryGone once the library is deleted, moved or replaced.
        """
        path = socket_path(self._library)
        with disk_errors(path):
            with suppress(FileNotFoundError):
                path.unlink()  # left by an engine that was killed: we hold the library's lock
            before = os.umask(0o177)
            try:
                server = await asyncio.start_unix_server(self._accept, path=path, limit=CHUNK_BYTES)
            finally:
                os.umask(before)
        announce(self._library, self._listening(path))
        log.info("listening, process %d", os.getpid())
        try:
            self._client.watch_again()
            await asyncio.to_thread(_warm)
            await self._until_stopped()
        finally:
            self._unlink(discovery_file(self._library))
            server.close()
            await asyncio.gather(
                *(each.connection.close_with_notice() for each in list(self._viewers))
            )
            self._unlink(path)
            await asyncio.to_thread(self._monitor.close)
        log.info("stopped")

    def _unlink(self, path: Path) -> None:
        """Remove a file of ours; in a library that took the place of ours it is another's."""
        with suppress(LibraryGone, OSError):
            self._client.check_library()
            path.unlink()

    def facts(self) -> dict[str, Any]:
        """Return the first line sent to a viewer."""
        return asdict(self._listening(socket_path(self._library))) | {
            "library": str(self._library),
            "viewers": len(self._viewers),
        }

    def _listening(self, path: Path) -> Listening:
        return Listening(os.getpid(), str(path), sightline_version(), PROTOCOL, self._started)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not _is_owner(writer):
            writer.close()
            return
        viewer = _Viewer(self, self._client, self._held, reader, writer)
        if len(self._viewers) >= MOST_CONNECTIONS:
            oldest = min(self._viewers, key=lambda each: each.connection.last_asked)
            log.info("more than %d connections: closed the least active one", MOST_CONNECTIONS)
            self._viewers.discard(oldest)
            oldest.connection.close()
        self._viewers.add(viewer)
        try:
            await viewer.connection.talk()
        finally:
            self._viewers.discard(viewer)
            self._last_use = time.monotonic()

    async def _until_stopped(self) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), timeout=min(1.0, self._idle_seconds))
            self._client.check_library()
            state = await self._client.snapshot()
            if self._viewers or state.jobs or self._client.context.is_exporting:
                self._last_use = time.monotonic()
            elif time.monotonic() - self._last_use > self._idle_seconds:
                log.info("nothing to do and no client connected: ending")
                return


class _Viewer:
    """What serves one connection: the rights it has, and the engine."""

    def __init__(
        self, server: Server, client: LocalClient, held: RequestBytes,
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self._server = server
        self._client = client
        self._rights = ALL_RIGHTS
        self.connection = Connection(reader, writer, held, self)

    def hello(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Return the first line sent to a client. Raises EnvironmentFault."""
        if facts.get("protocol", PROTOCOL) != PROTOCOL:
            raise self.former()
        self._rights = READ_RIGHTS if facts.get("readonly") else ALL_RIGHTS
        return self._server.facts()

    def request(self, body: dict[str, Any]) -> Request[Any]:
        """Return the request of a JSON object. Raises KeyError or TypeError."""
        return request_from_json(body)

    async def answer(self, request: Request[Any]) -> Any:
        """Return the reply to a request. Raises SightlineError."""
        return await answer(self._client.context, self._rights, request)

    def parts(self, request: Streamed[Any, Any]) -> AsyncGenerator[Any, None]:
        """Return the parts of a streamed reply. Raises SightlineError."""
        return parts_of(self._client.context, self._rights, request)

    async def messages(self, since: int) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        """Yield numbered messages as JSON."""
        async for number, message in self._client.events(since):
            yield number, event_to_json(message)

    def former(self) -> EnvironmentFault:
        """Return the line sent to a client of the former protocol."""
        return not_understood(sightline_version())


def _warm() -> None:
    """Import what the first question of a viewer needs, before it is asked."""
    from ..reports import pages  # noqa: F401


def _is_owner(writer: asyncio.StreamWriter) -> bool:
    """Return whether the other side belongs to us (or to root, who may do anything anyway)."""
    user = private.peer_user(writer.get_extra_info("socket"))
    return user is None or private.is_trusted(user)  # unknown: the socket's own mode decides


async def _main(library: Path, idle_seconds: float) -> None:
    client = await LocalClient.open(library, BEHIND_AN_APP)
    server = Server(client, library, idle_seconds)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, client.context.has_ended.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        await server.serve()
    finally:
        threading.Thread(target=_end_by_force, args=(client,), daemon=True).start()
        await client.close()


def _end_by_force(client: LocalClient) -> None:
    """End the process once no job ran for `END_SECONDS` and it is still there.

    A request may read a disk that does not answer, or decode a hostile file; nothing of it is kept.
    """
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < END_SECONDS:
        time.sleep(LOOK_SECONDS)
        if working(client.now()):
            quiet_since = time.monotonic()
    log.warning("a request did not end; the process ends without it")
    os._exit(0)


def main() -> int:
    """Run the engine of a library until it is stopped; return the exit code."""
    library = Path(sys.argv[1])
    idle_seconds = float(os.environ.get("SIGHTLINE_ENGINE_IDLE", IDLE_SECONDS))
    log_to(library)
    os.nice(NICE)
    try:
        asyncio.run(_main(library, idle_seconds))
    except OSError as error:
        fault = disk_fault_of(error)
        if fault is None:
            raise
        return _failed(fault)
    except SightlineError as error:
        return _failed(error)
    return 0


def _failed(error: SightlineError) -> int:
    with suppress(OSError):  # the log is on the library's disk, which may be full
        print(f"sightline engine: {error}", file=sys.stderr, flush=True)
    return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main())
