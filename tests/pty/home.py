"""The real `sightline` in terminals, with a library, settings and state of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil

from core.protocol.queries import ListResults, ListScans
from core.protocol.replies import Page
from core.service.discovery import running
from core.service.remote import RemoteClient
from tests.engines import readers_stopped
from tests.pty.harness import Terminal, environment, spawn
from tests.workbench import COMMAND, Cli

Answer = TypeVar("Answer")
SMALL = ("--profile", "storm", "--set", "run.batch_size=8")
"""so that a scan takes a second or two and can be caught at it"""
SECONDS = 60.0


class Home:
    """One library, everybody who looks at it, and its engine. A context: all end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cli = Cli(folder)
        self.library = self.cli.library
        self._open = ExitStack()

    def __enter__(self) -> Home:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()
        self.cli.close()
        self._end_engines()

    def app(
        self, *args: str | Path, size: tuple[int, int] = (80, 24), controlling: bool = True,
        sees: str = "Queue", **env: str | None,
    ) -> Terminal:  # fmt: skip
        """Open the app, as a user at a terminal would, and wait until it shows `sees`."""
        argv = [*COMMAND, *(os.fspath(arg) for arg in args)]
        own = {**self.places(), **env}
        terminal = spawn(argv, environment(**own), size, controlling=controlling, cwd=self.folder)
        self._open.enter_context(terminal)
        if sees:
            terminal.wait_for_text(sees, SECONDS)
        return terminal

    def places(self) -> dict[str, str | None]:
        """Return what tells `sightline` where everything is."""
        return {
            "SIGHTLINE_LIBRARY": str(self.library),
            "SIGHTLINE_CONFIG": str(self.cli.config),
            "SIGHTLINE_STATE": str(self.folder / "state"),
        }

    def clip(self, of: Path, name: str | bytes) -> Path:
        """Return a copy of a clip that counts as another content."""
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.folder), os.fsencode(name))))
        shutil.copy(of, path)
        with path.open("ab") as file:
            file.write(os.fsencode(name))
        return path

    # What the engine says

    def engine(self) -> int | None:
        """Return the process of the engine that runs, if any."""
        found = running(self.library)
        return None if found is None else found.pid

    def ask(self, question: Callable[[RemoteClient], Awaitable[Answer]]) -> Answer:
        """Ask the running engine."""

        async def run() -> Answer:
            found = running(self.library)
            assert found is not None, "no engine"
            client = await RemoteClient.open(found)
            try:
                return await question(client)
            finally:
                await client.close()

        return asyncio.run(run())

    def held(self) -> AbstractContextManager[None]:
        """Keep the scan that is running from getting any further meanwhile."""
        engine = self.engine()
        assert engine is not None
        return readers_stopped(engine)

    def at_work(self) -> list[str]:
        """Return how the scans stand that are running or wait."""
        state = self.ask(lambda client: client.snapshot())
        return [scan.state for scan in state.scans]

    def newest(self) -> dict[str, Any]:
        """Return the newest scan."""
        page: Page = self.ask(lambda client: client.ask(ListScans(last=1)))
        return page.rows[0]

    def finished(self) -> dict[str, Any]:
        """Wait until nothing is running; return the newest scan."""
        deadline = time.monotonic() + SECONDS
        while self.at_work():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return self.newest()

    def found(self) -> list[dict[str, Any]]:
        """Return what the newest scan found, without what names file and scan."""
        page: Page = self.ask(lambda client: client.ask(ListResults(last=1000)))
        of_file = ("path", "content", "scan", "key", "task")
        return [{k: v for k, v in row.items() if k not in of_file} for row in page.rows]

    def _end_engines(self) -> None:
        """Kill every engine of this library, also one that is still starting."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                line = process.cmdline()
                if "core.service.server" in line and str(self.library) in line:
                    process.kill()
                    process.wait(10)
