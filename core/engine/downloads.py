"""Models being fetched by the engine: any number at once, paused, resumed and cancelled."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import Interrupted, SightlineError, UnknownName, UsageError
from ..protocol.state import DownloadState

if TYPE_CHECKING:
    from ..hub.control import Control
    from ..hub.progress import DownloadProgress
    from ..protocol.commands import PullModel

log = logging.getLogger("sightline.downloads")
Ended = Callable[[str, str, str], None]
"""called with name, state (`done`, `failed`, `cancelled`) and the reason"""


@dataclass
class _RunningDownload:
    state: DownloadState
    control: Control
    thread: threading.Thread | None = None


class Downloads:
    """Fetches models in threads of its own, one each."""

    def __init__(self, ended: Ended) -> None:
        self._ended = ended
        self._pulls: dict[str, _RunningDownload] = {}
        self._lock = threading.Lock()

    def start(self, command: PullModel) -> None:
        """Begin to fetch a model, or go on with one that was cut off. Raises UsageError."""
        from ..hub.control import Control

        with self._lock:
            known = self._pulls.get(command.name)
            if known is not None and known.thread is not None and known.thread.is_alive():
                raise UsageError(f"{command.name} is being fetched")
            pull = _RunningDownload(
                DownloadState(command.name, "running", 0, 0, 0.0, 0, 0), Control()
            )
            pull.thread = threading.Thread(
                target=self._fetch, args=(command, pull), name="sightline-download", daemon=True
            )
            self._pulls[command.name] = pull
        pull.thread.start()

    def pause(self, name: str) -> None:
        """Hold a download. Raises UnknownName."""
        pull = self._running(name)
        pull.control.pause()
        pull.state = replace(pull.state, state="paused", bytes_per_second=0.0)

    def go_on(self, name: str) -> None:
        """Let a download go on. Raises UnknownName."""
        pull = self._running(name)
        pull.control.resume()
        pull.state = replace(pull.state, state="running")

    def cancel(self, name: str) -> None:
        """Stop a download; what came is kept. Raises UnknownName."""
        self._running(name).control.cancel()

    def states(self) -> tuple[DownloadState, ...]:
        """Return every download since the engine started."""
        return tuple(pull.state for pull in list(self._pulls.values()))

    def close(self) -> None:
        """Stop all and wait for them."""
        for pull in list(self._pulls.values()):
            pull.control.cancel()
        for pull in list(self._pulls.values()):
            if pull.thread is not None:
                pull.thread.join()

    def _running(self, name: str) -> _RunningDownload:
        pull = self._pulls.get(name)
        if pull is None or pull.state.state not in ("running", "paused"):
            raise UnknownName(f"{name} is not being fetched")
        return pull

    def _fetch(self, command: PullModel, pull: _RunningDownload) -> None:
        from ..hub.hub import Hub

        def progress(now: DownloadProgress) -> None:
            pull.state = replace(
                pull.state,
                state="paused" if now.paused else "running",
                bytes_done=now.done_bytes,
                bytes_total=now.size_bytes,
                bytes_per_second=now.bytes_per_second,
                files_done=sum(file.state == "done" for file in now.files),
                files_total=len(now.files),
            )

        try:
            hub = Hub()
            found = hub.resolve(
                command.name, command.channel, allow_remote_code=command.allow_remote_code,
                control=pull.control,
            )  # fmt: skip
            if found.folder is None or not (hub.offline or not found.repo):
                hub.pull(hub.plan(found, pull.control), progress, pull.control)
            self._end(pull, "done", "")
        except Interrupted:
            self._end(pull, "cancelled", "what came is kept")
        except SightlineError as error:
            self._end(pull, "failed", str(error))
        except Exception as error:
            log.exception("fetching %s failed", command.name)
            self._end(pull, "failed", f"internal error: {type(error).__name__}: {error}")

    def _end(self, pull: _RunningDownload, state: str, reason: str) -> None:
        done = pull.state.bytes_total if state == "done" else pull.state.bytes_done
        pull.state = replace(
            pull.state, state=state, reason=reason, bytes_done=done, bytes_per_second=0.0
        )
        self._ended(pull.state.name, state, reason)
