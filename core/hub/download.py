"""Getting all files of a model: several at once, with progress, to be paused and cancelled."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from . import disk
from .control import Control, checkpoint
from .environment import endpoint
from .fetch import Fetch, whole_blob
from .layout import Folder
from .listing import RemoteFile
from .progress import DownloadCounter, DownloadProgress, FileProgress, State
from .resolved import Resolved
from .waiting import WaitNotice
from .wire import HubTimeouts, Wire

WORKERS = 4
"""files fetched at once: enough to fill a line, few enough for a hub to bear"""
TICK_SECONDS = 0.2
"""how often progress is reported and a cancel is passed on"""


@dataclass(frozen=True, slots=True)
class Planned:
    """One file: what of it is on the disk already."""

    file: RemoteFile
    have_bytes: int
    cached: bool
    """whole, and in its place"""


@dataclass(frozen=True, slots=True)
class Download:
    """What a pull would do: known before a byte of it is fetched."""

    resolved: Resolved
    cache: Path
    files: tuple[Planned, ...]
    free_bytes: int
    """free on the cache's disk"""

    @property
    def size_bytes(self) -> int:
        """Return the size of the whole model."""
        return sum(planned.file.size_bytes for planned in self.files)

    @property
    def missing_bytes(self) -> int:
        """Return what is still to be fetched."""
        return self.size_bytes - sum(planned.have_bytes for planned in self.files)

    @property
    def fits(self) -> bool:
        """Return whether the disk has space for the rest."""
        return not self.missing_bytes or self.missing_bytes + disk.MARGIN_BYTES <= self.free_bytes


def plan(resolved: Resolved, cache: Path, files: list[RemoteFile]) -> Download:
    """Return what there is to fetch of a model's files, and what lies here already."""
    folder = Folder(cache, resolved.repo)
    planned = tuple(_planned(folder, resolved.revision, file) for file in files)
    return Download(resolved, cache, planned, disk.free_bytes(cache))


def pull(
    download: Download,
    progress: Callable[[DownloadProgress], None],
    control: Control,
    patience: HubTimeouts,
    notice: WaitNotice | None = None,
) -> Path:
    """Fetch what is missing and return the snapshot's folder.

    `progress` is called by this thread, at most five times a second and once at the end. The
    folder appears only when every file is there, so a half-downloaded model looks like none to
    every tool. Raises DiskFull, DownloadFailed, ModelMissing, or Interrupted when cancelled;
    what came is kept.
    """
    resolved = download.resolved
    disk.require(resolved.name, download.missing_bytes, download.cache)
    folder = Folder(download.cache, resolved.repo)
    _Pull(download, folder, progress, control, patience, notice).run()
    folder.place(resolved.revision, [(each.file.path, each.file.etag) for each in download.files])
    if resolved.branch:
        folder.set_ref(resolved.branch, resolved.revision)
    return folder.snapshot(resolved.revision)


class _Pull:
    """One model's files going through a few workers."""

    def __init__(
        self, download: Download, folder: Folder, progress: Callable[[DownloadProgress], None],
        control: Control, patience: HubTimeouts, notice: WaitNotice | None = None,
    ) -> None:  # fmt: skip
        self._download = download
        self._folder = folder
        self._progress = progress
        # A fault in one file stops the others without touching the user's own switch.
        self._control = Control(control)
        self._patience = patience
        self._notice = notice
        self._hub = endpoint()
        self._wires: list[Wire] = []
        self._tally = DownloadCounter(
            download.resolved.name, [_file_progress(p) for p in download.files]
        )

    def run(self) -> None:
        missing = [planned.file for planned in self._download.files if not planned.cached]
        if missing:
            with ThreadPoolExecutor(min(WORKERS, len(missing)), "sightline-pull") as pool:
                futures = [pool.submit(self._fetch, file) for file in missing]
                try:
                    self._watch(futures)
                finally:
                    self._stop(futures)
        self._report()

    def _fetch(self, file: RemoteFile) -> None:
        checkpoint(self._control)
        commit = self._download.resolved.revision
        with Wire(self._hub, self._control, self._patience, self._notice) as wire:
            self._wires.append(wire)
            try:
                Fetch(file, self._folder, commit, wire, self._control, self._tally).run()
            finally:
                self._wires.remove(wire)

    def _watch(self, futures: list[Future[None]]) -> None:
        """Report progress until all is done. Raises the first fault."""
        left = set(futures)
        while left:
            done, left = wait(left, TICK_SECONDS, FIRST_EXCEPTION)
            for future in done:
                future.result()
            if self._control.cancelled:
                checkpoint(self._control)
            self._report()

    def _stop(self, futures: list[Future[None]]) -> None:
        """End what still runs: every worker is joined, so none may be left waiting for bytes."""
        left = {future for future in futures if not future.done()}
        if left:
            self._control.cancel()
        while left:
            for wire in list(self._wires):
                wire.cut()
            _, left = wait(left, 0.05)

    def _report(self) -> None:
        self._progress(self._tally.now(paused=self._control.paused))


def _planned(folder: Folder, commit: str, file: RemoteFile) -> Planned:
    whole = whole_blob(folder.blob(file.etag), file.size_bytes)
    if whole or folder.whole_copy(commit, file.path, file.size_bytes):
        return Planned(file, file.size_bytes, cached=True)
    try:
        part = folder.part(file.etag).stat().st_size
    except OSError:
        part = 0
    return Planned(file, part if part <= file.size_bytes else 0, cached=False)


def _file_progress(planned: Planned) -> FileProgress:
    state: State = "done" if planned.cached else "waiting"
    return FileProgress(planned.file.path, planned.file.size_bytes, planned.have_bytes, state)
