"""The engine as a process of its own: `python -m core.server LIBRARY`.

Listens on a unix socket only its owner may open. One JSON object a line each way: a request has an
`id` and `do`; its answer has the same `id` and either `ok` or `error`; after `events`, each event
comes as `event`: [number, body]. Every viewer has a task of its own, so one whose link stalls
keeps nobody waiting, least of all the scan.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .client import LocalClient
from .commands import CancelScan, EndScan, command_from_json
from .discovery import PROTOCOL, Listening, announce, discovery_file, socket_path
from .disk_errors import disk_errors, disk_fault_of
from .errors import LibraryGone, SightlineError, UsageError
from .events import event_to_json
from .logs import log_to
from .monitor import Monitor
from .queries import query_from_json
from .sources.pools import BEHIND_AN_APP
from .state import state_to_json
from .version import sightline_version

log = logging.getLogger("sightline.server")
LINE_BYTES = 64 * 1024 * 1024
IDLE_SECONDS = 300.0
"""an engine nobody looks at and that has nothing to do ends itself after so long"""
NICE = 5
"""an app waits for no scan; decoders are nicer still (`BEHIND_AN_APP`)"""
Answer = Callable[[dict[str, Any]], Awaitable[Any]]


class Server:
    """Serves one engine until it is told to stop, or has nothing to do for a while."""

    def __init__(self, client: LocalClient, library: Path, idle_seconds: float) -> None:
        self._client = client
        self._library = library
        self._idle_seconds = idle_seconds
        self._viewers: set[_Viewer] = set()
        self._stop = asyncio.Event()
        self._last_use = time.monotonic()
        self._started = time.time()
        self.monitor = Monitor(library, client.now)

    async def serve(self) -> None:
        """Listen until stopped; then end running scans after the microbatch in hand.

        Raises EnvironmentFault: LibraryGone once the library is deleted, moved or replaced.
        """
        path = socket_path(self._library)
        with disk_errors(path):
            with suppress(FileNotFoundError):
                path.unlink()  # left by an engine that was killed: we hold the library's lock
            server = await asyncio.start_unix_server(self._meet, path=path, limit=LINE_BYTES)
            os.chmod(path, 0o600)
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
            for viewer in list(self._viewers):
                await viewer.dismiss()
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
        viewer = _Viewer(self, self._client, reader, writer)
        self._viewers.add(viewer)
        try:
            await viewer.talk()
        finally:
            self._viewers.discard(viewer)
            self._last_use = time.monotonic()

    async def _until_stopped(self) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), timeout=min(1.0, self._idle_seconds))
            self._client.check_library()
            state = await self._client.snapshot()
            if self._viewers or state.scans or state.watches or _fetching(state.downloads):
                self._last_use = time.monotonic()
            elif time.monotonic() - self._last_use > self._idle_seconds:
                log.info("nothing to do and nobody looking: ending")
                return

    async def end(self, how: str) -> None:
        """Stop `now` (after the microbatch in hand) or `after_source`, and then end."""
        await self._client.hold_watches()
        state = await self._client.snapshot()
        for scan in state.scans:
            at_once = how == "now" or scan.state == "queued"
            await self._client.send((CancelScan if at_once else EndScan)(scan.scan))
        while (await self._client.snapshot()).scans:
            await asyncio.sleep(0.05)
        self.stop()


class _Viewer:
    """One connection."""

    def __init__(
        self, server: Server, client: LocalClient,
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self._server = server
        self._client = client
        self._reader = reader
        self._writer = writer
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._read_only = False
        self._answers: dict[str, Answer] = {
            "hello": self._hello,
            "snapshot": self._snapshot,
            "events": self._events,
            "send": self._send,
            "rows": self._rows,
            "instant": self._instant,
            "still": self._still,
            "export": self._export,
            "samples": self._samples,
            "stop": self._stop,
        }

    async def talk(self) -> None:
        """Answer requests until the other side is gone."""
        try:
            while line := await self._reader.readline():
                task = asyncio.ensure_future(self._answer(line))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (ConnectionError, ValueError):  # gone, or a line longer than any of ours
            pass
        finally:
            for task in list(self._tasks):
                task.cancel()
            self.close()

    async def dismiss(self) -> None:
        """Say that the engine ends on purpose, and hang up: so that nobody starts it again."""
        with suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(self._write({"ended": True}), timeout=0.2)
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _answer(self, line: bytes) -> None:
        number: Any = None
        try:
            request = json.loads(line)
            number = request.get("id")
            body = {"id": number, "ok": await self._answers[request["do"]](request)}
        except SightlineError as error:
            body = {"id": number, "error": {"type": type(error).__name__, "text": str(error)}}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            text = f"the engine does not know this request ({type(error).__name__}: {error})"
            body = {"id": number, "error": {"type": "UsageError", "text": text}}
        except Exception as error:
            log.exception("a request failed")
            text = f"internal error: {type(error).__name__}: {error}; see the engine's log"
            body = {"id": number, "error": {"type": "SightlineError", "text": text}}
        with suppress(ConnectionError):
            await self._write(body)

    async def _write(self, body: dict[str, Any]) -> None:
        data = json.dumps(body, default=str).encode() + b"\n"
        async with self._sending:
            self._writer.write(data)
            await self._writer.drain()

    async def _hello(self, request: dict[str, Any]) -> Any:
        self._read_only = bool(request.get("readonly"))
        return self._server.facts()

    async def _snapshot(self, _request: dict[str, Any]) -> Any:
        state = await self._client.snapshot()
        machine = self._server.monitor.machine
        return state_to_json(
            replace(state, machine=machine, pid=os.getpid(), version=sightline_version())
        )

    async def _events(self, request: dict[str, Any]) -> Any:
        task = asyncio.ensure_future(self._tell(int(request["since"])))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _tell(self, since: int) -> None:
        with suppress(ConnectionError):
            async for number, event in self._client.events(since):
                await self._write({"event": [number, event_to_json(event)]})

    async def _send(self, request: dict[str, Any]) -> Any:
        self._check_may_change()
        return await self._client.send(command_from_json(request["command"]))

    async def _rows(self, request: dict[str, Any]) -> Any:
        query = query_from_json(request["query"])
        page = await self._client.rows(query, int(request["first"]), int(request["last"]))
        return asdict(page)

    async def _instant(self, request: dict[str, Any]) -> Any:
        return await self._client.instant(request["path"], float(request["seconds"]))

    async def _still(self, request: dict[str, Any]) -> Any:
        jpeg = await self._client.still(
            request["path"], float(request["seconds"]), int(request["longest_side"])
        )
        return base64.b64encode(jpeg).decode()

    async def _export(self, request: dict[str, Any]) -> Any:
        self._check_may_change()
        query = query_from_json(request["query"])
        return await self._client.export_rows(query, request["format"], Path(request["path"]))

    async def _samples(self, request: dict[str, Any]) -> Any:
        return self._server.monitor.samples(float(request["since"]))

    async def _stop(self, request: dict[str, Any]) -> Any:
        self._check_may_change()
        if request["how"] not in ("now", "after_source"):
            raise UsageError("stop `now` or `after_source`")
        await self._server.end(request["how"])
        return True

    def _check_may_change(self) -> None:
        if self._read_only:
            raise UsageError("attached with --readonly: nothing can be changed from here")


def _warm() -> None:
    """Import what the first question of a viewer needs, before it is asked."""
    from .reports import pages  # noqa: F401


def _is_owner(writer: asyncio.StreamWriter) -> bool:
    """Tell whether the other side belongs to us (or to root, who may do anything anyway)."""
    link = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the socket's own rights decide
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return user in (os.getuid(), 0)


def _fetching(downloads: tuple[Any, ...]) -> bool:
    return any(download.state == "running" for download in downloads)


async def _main(library: Path, idle_seconds: float) -> None:
    client = await LocalClient.open(library, BEHIND_AN_APP)
    server = Server(client, library, idle_seconds)
    try:
        await server.serve()
    finally:
        await client.close()


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
