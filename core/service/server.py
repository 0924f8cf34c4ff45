"""The engine as a process of its own: `python -m core.service.server LIBRARY`.

Listens on a unix socket only its owner may open. One JSON object a line each way: a request has an
`id` and `do`; its answer has the same `id` and either `ok` or `error`; after `events`, each event
comes as `event`: [number, body]. Every viewer has a task of its own, so one whose link stalls
keeps nobody waiting, least of all the scan; `connection.py` bounds what each can ask for.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..engine.machine_monitor import MachineMonitor
from ..errors import LibraryGone, SightlineError, UnknownName, UsageError
from ..protocol.commands import CancelScan, EndScan, command_from_json
from ..protocol.messages import event_to_json
from ..protocol.queries import export_from_json, query_from_json
from ..protocol.state import EngineState, state_to_json
from ..sources.pools import BEHIND_AN_APP
from ..system import private_files as private
from ..system.disk_errors import disk_errors, disk_fault_of
from ..text import counted
from ..version import sightline_version
from .client import LocalClient
from .connection import CHUNK_BYTES, Answer, Connection, RequestBytes
from .discovery import PROTOCOL, Listening, announce, discovery_file, socket_path
from .engine_log import log_to

log = logging.getLogger("sightline.server")
MOST_CONNECTIONS = 64
"""one that never asked for anything makes room for another, else the one that asked longest ago"""
MOST_ROWS = 5000
MOST_STILL_PIXELS = 4096
AT_LENGTH = frozenset(("rows", "instant", "still", "export"))
READ_ONLY = "attached with --readonly: nothing can be changed from here"
END_SECONDS = 5.0
"""what is still in progress so long after the last scan ended is not waited for"""
LOOK_SECONDS = 0.2
IDLE_SECONDS = 300.0
"""an engine nobody looks at and that has nothing to do ends itself after so long"""
NICE = 5
"""an app waits for no scan; decoders are nicer still (`BEHIND_AN_APP`)"""


class Server:
    """Serves one engine until it is told to stop, or has nothing to do for a while."""

    def __init__(self, client: LocalClient, library: Path, idle_seconds: float) -> None:
        self._client = client
        self._library = library
        self._idle_seconds = idle_seconds
        self._viewers: set[_Viewer] = set()
        self._held = RequestBytes()
        self._ending = False
        self._stop = asyncio.Event()
        self._last_use = time.monotonic()
        self._started = time.time()
        self.monitor = MachineMonitor(library, client.now)

    async def serve(self) -> None:
        """Listen until stopped; then end running scans after the microbatch in hand.

        Raises EnvironmentFault: LibraryGone once the library is deleted, moved or replaced.
        """
        path = socket_path(self._library)
        with disk_errors(path):
            with suppress(FileNotFoundError):
                path.unlink()  # left by an engine that was killed: we hold the library's lock
            before = os.umask(0o177)
            try:
                server = await asyncio.start_unix_server(self._meet, path=path, limit=CHUNK_BYTES)
            finally:
                os.umask(before)
        announce(self._library, self._listening(path))
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self._stop.set)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        log.info("listening, process %d", os.getpid())
        try:
            self._client.watch_again()
            await asyncio.to_thread(_warm)
            await self._until_stopped()
        finally:
            self._unlink(discovery_file(self._library))
            server.close()
            await asyncio.gather(*(each.connection.dismiss() for each in list(self._viewers)))
            self._unlink(path)
            await asyncio.to_thread(self.monitor.close)
        log.info("stopped")

    def _unlink(self, path: Path) -> None:
        """Remove a file of ours; in a library that took the place of ours it is another's."""
        with suppress(LibraryGone, OSError):
            self._client.check_library()
            path.unlink()

    def stop(self) -> None:
        """End serving."""
        self._stop.set()

    def check_goes_on(self) -> None:
        """Raise UsageError once the engine was told to end."""
        if self._ending:
            raise UsageError("the engine is ending; ask again once it has ended")

    def facts(self) -> dict[str, Any]:
        """Return what a viewer is told when it comes."""
        return asdict(self._listening(socket_path(self._library))) | {
            "library": str(self._library),
            "viewers": len(self._viewers),
        }

    def _listening(self, path: Path) -> Listening:
        return Listening(os.getpid(), str(path), sightline_version(), PROTOCOL, self._started)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not _is_owner(writer):
            writer.close()
            return
        viewer = _Viewer(self, self._client, self._held, reader, writer)
        if len(self._viewers) >= MOST_CONNECTIONS:
            oldest = min(self._viewers, key=lambda each: each.connection.last_asked)
            log.info("more than %d connections: hung up on the quietest", MOST_CONNECTIONS)
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
            if self._viewers or state.jobs or self._client.exporting:
                self._last_use = time.monotonic()
            elif time.monotonic() - self._last_use > self._idle_seconds:
                log.info("nothing to do and nobody looking: ending")
                return

    async def end(self, how: str) -> None:
        """Stop `now` (after the microbatch in hand) or `after_source`, and then end."""
        self._ending = True
        with suppress(TimeoutError):  # one may be looking through a large folder
            await asyncio.wait_for(self._client.hold_watches(), END_SECONDS / 2)
        state = await self._client.snapshot()
        for job in state.jobs:
            if job.standing:
                continue  # the next engine goes on with it
            at_once = how == "now" or job.state == "queued"
            with suppress(UnknownName):  # it ended just now
                await self._client.send((CancelScan if at_once else EndScan)(job.number))
        while _working(await self._client.snapshot()):
            await asyncio.sleep(0.05)
        self.stop()


class _Viewer:
    """What one connection may ask."""

    def __init__(
        self, server: Server, client: LocalClient, held: RequestBytes,
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self._server = server
        self._client = client
        self._read_only = False
        answers: dict[str, Answer] = {
            "hello": self._hello,
            "ping": self._ping,
            "snapshot": self._snapshot,
            "events": self._events,
            "send": self._send,
            "rows": self._rows,
            "instant": self._instant,
            "still": self._still,
            "export": self._export,
            "begin_export": self._begin_export,
            "export_state": self._export_state,
            "samples": self._samples,
            "stop": self._stop,
        }
        self.connection = Connection(reader, writer, held, answers, AT_LENGTH)

    async def _hello(self, request: dict[str, Any]) -> Any:
        self._read_only = bool(request.get("readonly"))
        return self._server.facts()

    async def _ping(self, _request: dict[str, Any]) -> Any:
        return True

    async def _snapshot(self, _request: dict[str, Any]) -> Any:
        state = await self._client.snapshot()
        machine = self._server.monitor.machine
        return state_to_json(
            replace(state, machine=machine, pid=os.getpid(), version=sightline_version())
        )

    async def _events(self, request: dict[str, Any]) -> Any:
        self.connection.stream(self._tell(int(request["since"])))
        return True

    async def _tell(self, since: int) -> None:
        with suppress(OSError):
            async for number, event in self._client.events(since):
                await self.connection.write({"event": [number, event_to_json(event)]})

    async def _send(self, request: dict[str, Any]) -> Any:
        self._check_may_change()
        return await self._client.send(command_from_json(request["command"]))

    async def _rows(self, request: dict[str, Any]) -> Any:
        query, first, last = query_from_json(request["query"]), request["first"], request["last"]
        if int(last) - int(first) > MOST_ROWS:
            raise UsageError(f"at most {counted(MOST_ROWS, 'row')} can be asked for at once")
        return asdict(await self._client.rows(query, int(first), int(last)))

    async def _instant(self, request: dict[str, Any]) -> Any:
        return await self._client.instant(request["path"], float(request["seconds"]))

    async def _still(self, request: dict[str, Any]) -> Any:
        side = min(int(request["longest_side"]), MOST_STILL_PIXELS)
        jpeg = await self._client.still(request["path"], float(request["seconds"]), side)
        return base64.b64encode(jpeg).decode()

    async def _export(self, request: dict[str, Any]) -> Any:
        self._check_may_change()
        query = query_from_json(request["query"])
        return await self._client.export_rows(query, request["format"], Path(request["path"]))

    async def _begin_export(self, request: dict[str, Any]) -> Any:
        self._check_may_change()
        return await self._client.begin_export(export_from_json(request["request"]))

    async def _export_state(self, request: dict[str, Any]) -> Any:
        return asdict(await self._client.export_state(int(request["number"])))

    async def _samples(self, request: dict[str, Any]) -> Any:
        return self._server.monitor.samples(float(request["since"]))

    async def _stop(self, request: dict[str, Any]) -> Any:
        if self._read_only:
            raise UsageError(READ_ONLY)
        if request["how"] not in ("now", "after_source"):
            raise UsageError("stop `now` or `after_source`")
        await self._server.end(request["how"])
        return True

    def _check_may_change(self) -> None:
        if self._read_only:
            raise UsageError(READ_ONLY)
        self._server.check_goes_on()


def _warm() -> None:
    """Import what the first question of a viewer needs, before it is asked."""
    from ..reports import pages  # noqa: F401


def _is_owner(writer: asyncio.StreamWriter) -> bool:
    """Tell whether the other side belongs to us (or to root, who may do anything anyway)."""
    user = private.peer_user(writer.get_extra_info("socket"))
    return user is None or private.is_trusted(user)  # untold, the socket's own rights decide


def _working(state: EngineState) -> bool:
    """Tell whether a job runs or waits that ends by itself after the step in hand.

    What waits for a network may not.
    """
    return any(job.resource for job in state.jobs)


async def _main(library: Path, idle_seconds: float) -> None:
    client = await LocalClient.open(library, BEHIND_AN_APP)
    server = Server(client, library, idle_seconds)
    try:
        await server.serve()
    finally:
        threading.Thread(target=_end_by_force, args=(client,), daemon=True).start()
        await client.close()


def _end_by_force(client: LocalClient) -> None:
    """End the process once no job was at work for `END_SECONDS` and it is still there.

    A request may read a disk that does not answer, or decode a hostile file; nothing of it is kept.
    """
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < END_SECONDS:
        time.sleep(LOOK_SECONDS)
        if _working(client.now()):
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
