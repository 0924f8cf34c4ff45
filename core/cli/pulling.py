"""Fetching and verifying models headless: progress, Ctrl+C, one line for each fault."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import EnvironmentFault, ExitCode, Interrupted, SightlineError
from ..protocol.commands import PullModel
from ..protocol.state import EngineState
from ..service.discovery import running
from ..service.model_files import note_verified, open_hub, switch, try_once
from ..service.remote import RemoteClient
from ..text import byte_size, clean, counted
from ..times import duration
from .jobs import exit_code_of, listen
from .output import ConsoleOutput, Session
from .running import Stopper, stop_signals

if TYPE_CHECKING:
    from ..service.client import EngineClient
    from ..service.model_files import Channel, Checked, Control, Download, Hub, Resolved

log = logging.getLogger("sightline.hub")
INTERRUPTED = "stopped; run the same command again to continue where it stopped"


class PullPrinter:
    """Prints what a pull says: its plan, how far it is, and where the model lies."""

    def __init__(self, out: ConsoleOutput, *, as_json: bool) -> None:
        self._out = out
        self._json = as_json

    def report(self, body: dict[str, Any]) -> None:
        """Print one of the JSON objects of `hub/pull_lines.py` as text."""
        match body["type"]:
            case "PullPlanned":
                self._planned(body)
            case "PullProgress" if not self._json:
                self._out.progress(_progress_line(body))
            case "PullNotice":
                self._out.end_progress()
                self._out.note(body["text"])
            case "PullFinished":
                self._finished(body)

    def end(self) -> int:
        """Return the exit code of a pull that is done."""
        return int(ExitCode.OK)

    def _planned(self, body: dict[str, Any]) -> None:
        space = "" if body["fits"] else ", NOT ENOUGH DISK SPACE"
        self._out.note(
            f"{body['name']} at {body['revision'][:12]}: {counted(len(body['files']), 'file')}, "
            f"{byte_size(body['size_bytes'])}, {byte_size(body['missing_bytes'])} to download "
            f"({byte_size(body['free_bytes'])} free{space})"
        )

    def _finished(self, body: dict[str, Any]) -> None:
        self._out.end_progress()
        if not self._json:
            where = body["folder"] if body["folder"] is not None else body.get("url", "")
            self._out.result(f"{body['name']}  {body['revision']}  {where}")


class Puller:
    """Pulls one model after the other; a fault of one does not keep the others from coming."""

    def __init__(self, session: Session, *, as_json: bool) -> None:
        self.exit_code = int(ExitCode.OK)
        self._session = session
        self._out = session.out
        self._json = as_json
        self._printer = PullPrinter(session.out, as_json=as_json)

    async def pull(self, commands: Sequence[PullModel]) -> bool:
        """Pull models as jobs of the running engine; return whether one runs.

        No engine is hosted for it here: one that is, holds the library, and no scan could start
        as long as a large model is on its way. Raises Interrupted, EngineGone.
        """
        listening = running(self._session.library)
        if listening is None:
            return False
        try:
            client = await RemoteClient.open(listening)
        except EnvironmentFault as error:
            log.info("pulled without an engine: %s", error)
            return False
        try:
            for command in commands:
                await self._pull(client, command)
        finally:
            await client.close()
        return True

    def pull_here(self, commands: Sequence[PullModel], *, dry_run: bool) -> None:
        """Pull models without an engine, or only say what would be fetched. Raises Interrupted."""
        control = switch()
        with stopping(control.cancel, self._out):
            for command in commands:
                try:
                    self._pull_here(command, control, dry_run=dry_run)
                except Interrupted:
                    self._out.end_progress()
                    raise
                except SightlineError as error:
                    self._failed(command.name, str(error), int(error.exit_code))

    async def _pull(self, client: EngineClient, command: PullModel) -> None:
        stopper = Stopper(
            client, self._out, "stopping the download (repeat to stop immediately) ..."
        )
        with stopper.listening():
            before = await client.snapshot()
            there = _fetching(before, command.name)
            number = there if there is not None else await client.send(command)
            stopper.started(number)
            since = before.sequence
            end = await listen(
                client, self._out, number, since, self._printer.report, as_json=self._json
            )
        if end.state == "interrupted" and not end.reason:
            self._out.end_progress()
            raise Interrupted(INTERRUPTED)
        if end.state != "done":
            self._out.failed(command.name, end.reason)
            self.exit_code = max(self.exit_code, exit_code_of(end))

    def _pull_here(self, command: PullModel, control: Control, *, dry_run: bool) -> None:
        from ..service.model_files import finished_line, notice_line, planned_line, progress_line

        hub = open_hub(
            offline=command.offline, notify=lambda text: self._say(notice_line(command.name, text))
        )
        found = hub.resolve(
            command.name, command.channel, allow_remote_code=command.allow_remote_code,
            weights=command.weights, control=control,
        )  # fmt: skip
        if found.folder is None or not (hub.offline or not found.repo):
            planned = hub.plan_or_keep(found, control)
            if planned is not None:
                self._say(planned_line(planned))
                if dry_run:
                    self._say_files(planned)
                    return
                found = hub.pull(planned, lambda now: self._say(progress_line(now)), control)
        self._say(finished_line(found))

    def _say(self, body: dict[str, Any]) -> None:
        if self._json:
            self._out.json(body)
        self._printer.report(body)

    def _say_files(self, planned: Download) -> None:
        if not self._json:
            rows = [(p.file.path, byte_size(p.file.size_bytes), _here(p.have_bytes, p.cached))
                    for p in planned.files]  # fmt: skip
            self._out.table(("file", "size", "here"), rows)

    def _failed(self, name: str, reason: str, code: int) -> None:
        from ..service.model_files import failed_line

        self._out.failed(name, reason)
        if self._json:
            self._out.json(failed_line(name, reason))
        self.exit_code = max(self.exit_code, code)


def _fetching(state: EngineState, name: str) -> int | None:
    """Return the job that fetches a model already."""
    found = (job.number for job in state.jobs if (job.kind, job.title) == ("download", name))
    return next(found, None)


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
            f"to fix this, run: sightline models verify {name} --clean, "
            f"then: sightline models pull {name}"
        )
        return int(ExitCode.SOME_FAILED)
    report = None if files_only else try_once(found)
    if report is None and checked.unchecked:
        out.note("files without a checksum were not verified, so nothing was recorded")
        return 0
    if report is None:
        out.note("only the checksums were verified; the model was not loaded")
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
        out.note(f"recorded in {note_verified(found, report)}")


def _say_checked(out: ConsoleOutput, found: Resolved, checked: Checked, as_json: bool) -> None:
    if as_json:
        out.json({"type": "ModelChecked", "name": found.name, "revision": found.revision,
                  "sound": checked.sound, **asdict(checked)})  # fmt: skip
        return
    for fault in checked.faults:
        out.result(f"{fault.fault:9}  {fault.path}")
    end = "ok" if checked.sound else "not ok"
    out.result(
        f"{found.name}  {counted(checked.files, 'file')}, {byte_size(checked.size_bytes)}: {end}"
    )


def _progress_line(now: dict[str, Any]) -> str:
    files = now["files"]
    done = sum(file["state"] == "done" for file in files)
    busy = [file["path"] for file in files if file["state"] in ("fetching", "checking")]
    held = any(file["state"] == "held" for file in files)
    share = 100 * now["done_bytes"] // max(now["size_bytes"], 1)
    left = "" if now["seconds_left"] is None else f"  left {duration(now['seconds_left'])}"
    wait = "  waiting for another process that downloads it" if held and not busy else ""
    return (
        f"{now['name']}  {share}%  {byte_size(now['done_bytes'])} of "
        f"{byte_size(now['size_bytes'])}  {byte_size(now['bytes_per_second'])}/s{left}  "
        f"{done}/{counted(len(files), 'file')}{wait}  "
        f"{clean(', '.join(busy), limit=60)}"
    ).rstrip()


def _here(have_bytes: int, cached: bool) -> str:
    return "yes" if cached else (f"{byte_size(have_bytes)} of it" if have_bytes else "")
