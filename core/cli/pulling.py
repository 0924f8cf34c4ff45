"""Fetching and verifying models headless: progress, Ctrl+C, one line for each fault."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, Interrupted, SightlineError
from ..service.model_files import note_verified, switch, try_once
from ..text import byte_size, clean, counted
from ..times import duration
from .output import ConsoleOutput
from .running import stop_signals

if TYPE_CHECKING:
    from ..service.model_files import (
        Channel,
        Checked,
        Download,
        DownloadProgress,
        Hub,
        Resolved,
    )


class Puller:
    """Pulls one model after the other; a fault of one does not keep the others from coming."""

    def __init__(self, out: ConsoleOutput, *, as_json: bool, dry_run: bool) -> None:
        self.exit_code = int(ExitCode.OK)
        self._out = out
        self._json = as_json
        self._dry_run = dry_run
        self._control = switch()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stop the download on Ctrl+C and its like; a second one ends the process."""
        with stopping(self._control.cancel, self._out):
            yield

    def pull(
        self, hub: Hub, name: str, channel: Channel, weights: str, allow_remote_code: bool
    ) -> None:
        """Pull one model, and remember the worst that happened. Raises Interrupted."""
        try:
            found = hub.resolve(
                name, channel, allow_remote_code=allow_remote_code, weights=weights,
                control=self._control,
            )  # fmt: skip
            self._fetch(hub, found)
        except Interrupted:
            self._out.end_progress()
            raise
        except SightlineError as error:
            self._out.failed(name, str(error))
            if self._json:
                self._out.json({"type": "PullFailed", "name": name, "reason": str(error)})
            self.exit_code = max(self.exit_code, int(error.exit_code))

    def _fetch(self, hub: Hub, found: Resolved) -> None:
        if found.folder is not None and (hub.offline or not found.repo):
            self._done(found)
            return
        planned = hub.plan(found, self._control)
        self._say_plan(planned)
        if not self._dry_run:
            self._done(hub.pull(planned, self._say_progress, self._control))

    def _say_plan(self, planned: Download) -> None:
        found = planned.resolved
        if self._json:
            self._out.json(_plan_json(planned))
        room = "" if planned.fits else ", MORE THAN IS FREE"
        missing = planned.missing_bytes
        self._out.note(
            f"{found.name} at {found.revision[:12]}: {counted(len(planned.files), 'file')}, "
            f"{byte_size(planned.size_bytes)}, {byte_size(missing)} to fetch "
            f"({byte_size(planned.free_bytes)} free{room})"
        )
        if self._dry_run and not self._json:
            rows = [(p.file.path, byte_size(p.file.size_bytes), _here(p.have_bytes, p.cached))
                    for p in planned.files]  # fmt: skip
            self._out.table(("file", "size", "here"), rows)

    def _say_progress(self, now: DownloadProgress) -> None:
        if self._json:
            self._out.json(
                {"type": "PullProgress", **asdict(now), "size_bytes": now.size_bytes,
                 "done_bytes": now.done_bytes, "seconds_left": now.seconds_left}
            )  # fmt: skip
        else:
            self._out.progress(_progress_line(now))

    def _done(self, found: Resolved) -> None:
        self._out.end_progress()
        if self._json:
            self._out.json({"type": "PullFinished", "name": found.name, "repo": found.repo,
                            "revision": found.revision, "folder": found.folder})  # fmt: skip
        else:
            where = found.folder if found.folder is not None else found.url
            self._out.result(f"{found.name}  {found.revision}  {where}")


def verify(
    out: ConsoleOutput, hub: Hub, name: str, channel: Channel, *, files_only: bool, clean_up: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Check a model's files, try it once, note what worked, and return the exit code.

    Raises ModelMissing if it is not here, Interrupted on Ctrl+C, and what loading it raises.
    """
    control = switch()
    with stopping(control.cancel, out):
        found = hub.resolve(name, channel, control=control)
        checked = hub.check_files(
            found, clean_up=clean_up, control=control,
            progress=lambda done, of: out.progress(f"reading  {100 * done // max(of, 1)}%"),
        )  # fmt: skip
    out.end_progress()
    _say_checked(out, found, checked, as_json)
    if not checked.sound:
        out.note(
            f"mend it with: sightline models verify {name} --clean, "
            f"then: sightline models pull {name}"
        )
        return int(ExitCode.SOME_FAILED)
    report = None if files_only else try_once(found)
    if report is None:
        out.note("only the files were checked; nothing was loaded")
    elif report.failure:
        out.failed(found.name, report.failure)
        return int(ExitCode.SOME_FAILED)
    _note_row(out, found, report)
    return 0


@contextmanager
def stopping(stop: Any, out: ConsoleOutput) -> Iterator[None]:
    """Call `stop` on the signals that end a command; a second one ends the process at once."""
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(int(ExitCode.INTERRUPTED))
        asked = True
        stop()

    before = {name: signal.signal(name, handle) for name in stop_signals()}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _note_row(out: ConsoleOutput, found: Resolved, report: Any) -> None:
    if found.repo:
        out.note(f"noted in {note_verified(found, report)}")


def _say_checked(out: ConsoleOutput, found: Resolved, checked: Checked, as_json: bool) -> None:
    if as_json:
        out.json({"type": "ModelChecked", "name": found.name, "revision": found.revision,
                  "sound": checked.sound, **asdict(checked)})  # fmt: skip
        return
    for fault in checked.faults:
        out.result(f"{fault.fault:9}  {fault.path}")
    end = "all well" if checked.sound else "not all well"
    out.result(
        f"{found.name}  {counted(checked.files, 'file')}, {byte_size(checked.size_bytes)}: {end}"
    )


def _plan_json(planned: Download) -> dict[str, Any]:
    found = planned.resolved
    files = [
        {"path": p.file.path, "size_bytes": p.file.size_bytes, "have_bytes": p.have_bytes,
         "cached": p.cached}
        for p in planned.files
    ]  # fmt: skip
    return {
        "type": "PullPlanned", "name": found.name, "repo": found.repo, "revision": found.revision,
        "size_bytes": planned.size_bytes, "missing_bytes": planned.missing_bytes,
        "free_bytes": planned.free_bytes, "fits": planned.fits, "files": files,
    }  # fmt: skip


def _progress_line(now: DownloadProgress) -> str:
    done = sum(file.state == "done" for file in now.files)
    busy = [file.path for file in now.files if file.state in ("fetching", "checking")]
    held = any(file.state == "held" for file in now.files)
    share = 100 * now.done_bytes // max(now.size_bytes, 1)
    left = "" if now.seconds_left is None else f"  left {duration(now.seconds_left)}"
    wait = "  another process fetches it too" if held and not busy else ""
    return (
        f"{now.name}  {share}%  {byte_size(now.done_bytes)} of {byte_size(now.size_bytes)}  "
        f"{byte_size(now.bytes_per_second)}/s{left}  {done}/{counted(len(now.files), 'file')}{wait}"
        f"  {clean(', '.join(busy), limit=60)}"
    ).rstrip()


def _here(have_bytes: int, cached: bool) -> str:
    return "yes" if cached else (f"{byte_size(have_bytes)} of it" if have_bytes else "")
