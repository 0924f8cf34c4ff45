"""Running a job of another kind than a scan headless: follow it, print what it reports, stop it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .. import errors
from ..errors import EnvironmentFault, ExitCode, SightlineError
from ..protocol.commands import ChangeIndex, CheckBatches, Command, ResumeScan, VerifyScan
from ..protocol.messages import JobFinished, JobReported, Warned
from ..protocol.state import JobState
from ..protocol.views import Agreement, BatchLine
from ..service.attach import headless
from ..service.client import EngineClient
from ..service.engine_log import log_to
from ..text import counted
from .output import ConsoleOutput, Session
from .running import Stopper, say_warnings

EXPLANATION = (
    "Batches of different sizes add numbers in a different order. Where two words are almost "
    "equally likely, rounding then decides: rarely in float32, more often with 16 bits."
)


class JobPrinter(Protocol):
    """Prints what a job reports."""

    def report(self, body: dict[str, Any]) -> None:
        """Print one report; with `--json` it is printed already."""

    def end(self) -> int:
        """Print what all of it comes to, and return the exit code of a job that is done."""


async def run_job(
    session: Session, command: CheckBatches | VerifyScan | ResumeScan | ChangeIndex,
    printer: JobPrinter, *, as_json: bool, scratch: Path | None = None,
) -> int:  # fmt: skip
    """Run a job in the running engine, or in one hosted here, and return the exit code.

    `scratch` is a library to use in place of the user's: the job cannot be resumed.
    """
    folder = scratch or session.library
    log_to(folder)
    client = await headless(folder)
    try:
        stopper = Stopper(client, session.out)
        with stopper.listening():
            end = await follow(client, session.out, command, printer, stopper, as_json=as_json)
    finally:
        await client.close()
    if end.state == "done":
        return printer.end()
    return refused(end, session.out, resumable=scratch is None)


async def follow(
    client: EngineClient, out: ConsoleOutput, command: Command, printer: JobPrinter,
    stopper: Stopper, *, as_json: bool,
) -> JobFinished:  # fmt: skip
    """Submit or resume a job, print what it reports, and return how it ended."""
    before = await client.snapshot()
    say_warnings(before, out)
    number = await client.send(command)
    stopper.started(number)
    state = _state(await client.snapshot(), number)
    if state is not None and state.state == "queued":
        out.note(f"job {number} is in the queue of the running engine")
    return await listen(client, out, number, before.sequence, printer.report, as_json=as_json)


async def listen(
    client: EngineClient, out: ConsoleOutput, number: int, since: int,
    report: Callable[[dict[str, Any]], None], *, as_json: bool,
) -> JobFinished:  # fmt: skip
    """Print what a job reports until it ends."""
    async for _, message in client.events(since):
        if message.scan != number:
            continue
        match message:
            case JobReported():
                if as_json:
                    out.json(message.body)
                report(message.body)
            case Warned():
                out.note(message.text)
            case JobFinished():
                return message
    raise AssertionError("messages never end before the job does")


def refused(end: JobFinished, out: ConsoleOutput, *, resumable: bool) -> int:
    """Return the exit code of a job that was interrupted; raise the error that ended it.

    Raises SightlineError.
    """
    if end.reason.startswith("internal error"):
        out.warn(end.reason)
        return int(ExitCode.INTERNAL)
    if end.reason:
        raise _fault(end, resumable=resumable)
    if resumable:
        out.note(f"continue with: sightline runs resume {end.scan}")
    return int(ExitCode.INTERRUPTED)


def exit_code_of(end: JobFinished) -> int:
    """Return the exit code of the error that ended a job."""
    if end.reason.startswith("internal error"):
        return int(ExitCode.INTERNAL)
    return int(_fault(end).exit_code)


def _fault(end: JobFinished, *, resumable: bool = True) -> SightlineError:
    found = getattr(errors, end.fault, SightlineError)
    kind = found if isinstance(found, type) and issubclass(found, SightlineError) else None
    if kind is None or kind is errors.ImageRejected:
        kind = SightlineError
    goes_on = resumable and issubclass(kind, EnvironmentFault) and end.state == "interrupted"
    then = f" (then: sightline runs resume {end.scan})" if goes_on else ""
    return kind(f"{end.reason}{then}")


def _state(state: Any, number: int) -> JobState | None:
    return next((job for job in state.jobs if job.number == number), None)


class VerificationPrinter:
    """Prints a line for each source that was measured again."""

    def __init__(self, out: ConsoleOutput, *, as_json: bool) -> None:
        self._out = out
        self._json = as_json
        self._counts: Counter[str] = Counter()

    def report(self, body: dict[str, Any]) -> None:
        """Print one source."""
        self._counts[str(body["state"])] += 1
        if not self._json:
            line = f"{body['state']:8} {body['path']}  {body['reason']}"
            self._out.result(line.rstrip())

    def end(self) -> int:
        """Print how many sources changed, and return 1 if any did, or if none was compared."""
        counts = self._counts
        self._out.note(
            f"{counts['same']} same, {counts['changed']} changed, {counts['skipped']} skipped"
        )
        compared = counts["same"] + counts["changed"]
        failed = counts["changed"] or (counts["skipped"] and not compared)
        return int(ExitCode.SOME_FAILED if failed else ExitCode.OK)


class BatchPrinter:
    """Prints a table of batch sizes once all are there."""

    def __init__(self, out: ConsoleOutput, *, as_json: bool) -> None:
        self._out = out
        self._json = as_json
        self._lines: list[BatchLine] = []

    def report(self, body: dict[str, Any]) -> None:
        """Keep one size."""
        fields = {name: value for name, value in body.items() if name not in ("type", "stages")}
        stages = tuple(Agreement(**stage) for stage in body["stages"])
        self._lines.append(BatchLine(**fields, stages=stages))

    def end(self) -> int:
        """Print the table."""
        if not self._json and self._lines:
            self._table(self._lines)
        return int(ExitCode.OK)

    def _table(self, lines: list[BatchLine]) -> None:
        same = [f"same {stage.stage}" for stage in lines[0].stages]
        rows = [["batch", "frames/s", "speed", "of models", "peak MiB", *same], *map(_row, lines)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            self._out.result("  ".join(cells))
        differing = [(line, stage) for line in lines for stage in line.stages if stage.difference]
        for line, stage in differing:
            self._out.result(f"batch {line.batch}, {stage.stage}, {stage.difference}")
        if differing:
            self._out.result(EXPLANATION)
        if any(line.share is not None for line in lines):
            self._out.note("of models: speed of the scan divided by that of its models alone")
        self._out.note(
            f"{counted(lines[0].frames, 'frame')}; speeds include decoding"
            + ("" if len(lines) == 1 else f"; same: equal to batch size {lines[0].batch}")
        )


def _row(line: BatchLine) -> list[str]:
    peak = "-" if line.peak_bytes is None else f"{line.peak_bytes / 2**20:.0f}"
    share = "-" if line.share is None else f"{line.share:.2f}"
    speeds = [f"{line.frames_per_second:.3g}", f"{line.speed:.2f}", share]
    return [str(line.batch or "profile"), *speeds, peak, *map(_cell, line.stages)]


def _cell(stage: Agreement) -> str:
    cosine = "" if stage.least_cosine is None else f" (cosine {stage.least_cosine:.5f})"
    return f"{stage.same} of {stage.answers}{cosine}"
