"""`sightline runs`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..errors import LibraryBusy, UnknownName, UsageError
from ..protocol.commands import RemoveScan, ResumeScan, VerifyScan
from ..protocol.requests.jobs import GetJob, GetJobRows, GetJobs
from ..protocol.requests.results import GetScans, GetStageOutput, GetTasks
from ..protocol.views import JobLine, ScanLine
from ..service.attach import attached, headless
from ..service.client import EngineClient, ask_library, verified_without_engine
from ..service.local import write_file
from ..text import clean, clean_path, counted, json_text
from ..times import duration
from .group import CommandGroup
from .index import IndexPrinter
from .jobs import BatchPrinter, JobPrinter, VerificationPrinter, run_job
from .options import formats_option, out_option
from .output import Session
from .pulling import PullPrinter
from .running import Finish, run_scan


@click.group(cls=CommandGroup)
def command() -> None:
    """List, show, resume and remove jobs, and verify scans."""


def _profile(line: ScanLine) -> str:
    """Return a scan's profile, with its stages where they replaced those of the profile."""
    return f"{line.profile} ({','.join(line.stages)})" if line.stages else line.profile


@command.command("list")
@click.option("--all", "every", is_flag=True, help="List jobs of every kind, not only scans.")
@click.option("--kind", default="", metavar="KIND",
              help="List one kind: scan, batch-check, verification, download or watch.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def list_(session: Session, every: bool, kind: str, as_json: bool) -> int:
    """List the scans in the library, newest first; with --all, jobs of every kind."""
    if every or kind:
        return _list_jobs(session, kind, as_json=as_json)
    lines = ask_library(session.library, GetScans()).scans
    if as_json:
        for line in lines:
            session.out.json({"type": "Scan", **asdict(line)})
        return 0
    rows = [
        (s.scan, s.created[:19].replace("T", " "), _profile(s), s.state, s.sources, s.failed,
         s.left, s.moments, ", ".join(s.asked)[:60])
        for s in lines
    ]  # fmt: skip
    session.out.table(
        ("scan", "begun (UTC)", "profile", "state", "sources", "failed", "left", "events", "of"),
        rows,
    )
    return 0


def _list_jobs(session: Session, kind: str, *, as_json: bool) -> int:
    lines = ask_library(session.library, GetJobs(kind)).jobs
    if as_json:
        for line in lines:
            session.out.json({"type": "Job", **asdict(line)})
        return 0
    rows = [
        (j.number, _kind(j), j.created[:19].replace("T", " "), j.state,
         f"{j.done} of {j.total}" if j.total else "-", clean(j.title, limit=60),
         clean(j.reason, limit=80))
        for j in lines
    ]  # fmt: skip
    header = ("job", "kind", "begun (UTC)", "state", "done", "of", "reason")
    session.out.table(header, rows)
    return 0


def _kind(job: JobLine) -> str:
    name = clean(job.kind, limit=40)
    return name if job.known else f"unknown ({name})"


@command.command()
@click.argument("scan", type=int)
@click.option("--failed", "only_failed", is_flag=True, help="Show only sources that failed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def show(session: Session, scan: int, only_failed: bool, as_json: bool) -> int:
    """Show each source of a scan and its state, or the finished units of another job."""
    job = _job_in(session.library, scan)
    if job is not None and job.kind != "scan":
        rows_of_job = ask_library(session.library, GetJobRows(scan)).rows
        return _show_job(session, job, rows_of_job, as_json=as_json)
    kept = ask_library(session.library, GetTasks(scan)).tasks  # says so if there is no such scan
    tasks = [task for task in kept if task.state == "failed" or not only_failed]
    if as_json:
        for task in tasks:
            session.out.json({"type": "Task", **asdict(task)})
        return 0
    rows = [
        (t.number, t.state, t.frames, t.moments, duration(t.seconds), t.path, t.reason)
        for t in tasks
    ]
    session.out.table(("no", "state", "frames", "events", "took", "path", "reason"), rows)
    return 0


def _show_job(
    session: Session, job: JobLine, rows: Sequence[dict[str, object]], *, as_json: bool
) -> int:
    if as_json:
        session.out.json({"type": "Job", **asdict(job)})
        for row in rows:
            session.out.json({"type": "Unit", **row})
        return 0
    done = f", {job.done} of {job.total}" if job.total else ""
    reason = f": {clean(job.reason)}" if job.reason else ""
    title = clean(job.title, limit=200)
    session.out.result(f"{_kind(job)} {job.number} {job.state}{done}  {title}{reason}")
    for row in rows:
        words = (f"{clean(name)} {_value(value)}" for name, value in row.items()
                 if name != "type" and value not in ("", None))  # fmt: skip
        session.out.result("  " + "  ".join(words))
    return 0


def _value(value: object) -> str:
    """Return what a finished unit of work holds under a name, in words; lists in one line."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return "; ".join(map(_value, value))
    if isinstance(value, dict):
        return ", ".join(
            f"{clean(str(name))} {_value(each)}"
            for name, each in value.items()
            if each not in ("", None)
        )
    return clean(str(value), limit=120)


@command.command()
@click.argument("scan", type=int)
@click.option("--failed", is_flag=True, help="Retry failed sources instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event per line on stdout.")
@out_option
@formats_option
@click.pass_obj
def resume(
    session: Session,
    scan: int,
    failed: bool,
    as_json: bool,
    out: str | None,
    formats: tuple[str, ...],
) -> int:
    """Continue an interrupted scan after its last stored microbatch.

    A job of another kind continues after its last stored unit of work.
    """
    job = _job_in(session.library, scan)
    if job is not None and job.kind != "scan":
        if failed or out or formats:
            raise UsageError(f"--failed, --out and --format are for scans; job {scan} is none")
        return _resume_job(session, job, as_json=as_json)
    finish = Finish(Path(out) if out else None, formats)
    return asyncio.run(run_scan(session, ResumeScan(scan, failed), finish, as_json=as_json))


def _job_in(library: Path, number: int) -> JobLine | None:
    """Return a job, None if there is none of that number, or no library. Raises SightlineError."""
    try:
        return ask_library(library, GetJob(number))
    except UnknownName:
        return None


def _resume_job(session: Session, job: JobLine, *, as_json: bool) -> int:
    printers: dict[str, Callable[..., JobPrinter]] = {
        "verification": VerificationPrinter, "batch-check": BatchPrinter, "download": PullPrinter,
        "index": IndexPrinter,
    }  # fmt: skip
    order = ResumeScan(job.number)
    if job.kind not in printers:  # it ends only when a user ends it, or is refused
        client = attached(session.library) if job.known else headless(session.library)
        return asyncio.run(_hand_over(session, order, client))
    printer = printers[job.kind](session.out, as_json=as_json)
    return asyncio.run(run_job(session, order, printer, as_json=as_json))


async def _hand_over(
    session: Session, order: ResumeScan, opening: Coroutine[Any, Any, EngineClient]
) -> int:
    """Leave a job to the engine."""
    client = await opening
    try:
        await client.send(order)
    finally:
        await client.close()
    session.out.note(f"job {order.scan} continues in the engine")
    return 0


@command.command()
@click.argument("scan", type=int)
@click.pass_obj
def remove(session: Session, scan: int) -> int:
    """Remove a scan and the data that no other scan needs.

    The scanned files are never changed. The number may be that of any job that is not running.
    """
    job = _job_in(session.library, scan)

    async def run() -> None:
        client = await headless(session.library)
        try:
            await client.send(RemoveScan(scan))
        finally:
            await client.close()

    asyncio.run(run())
    session.out.note(f"{'scan' if job is None else job.kind.replace('-', ' ')} {scan} removed")
    return 0


@command.command()
@click.argument("scan", type=int)
@click.option("--stage", default="", metavar="NAME",
              help="Run only this stage, on its stored input.")  # fmt: skip
@click.option("--golden", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="FILE", help="Compare the stage's output with a golden file.")  # fmt: skip
@click.option("--write-golden", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the stage's stored output as a golden file; run nothing.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def verify(
    session: Session, scan: int, stage: str, golden: Path | None, write_golden: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Measure every source of a scan again and compare with the stored results.

    With --stage, only one stage runs again: a screening stage evaluates the stored measurements; a
    model is asked about the same frames, with the same answers of earlier stages. The output is
    compared with the stored one, or with a golden file.

    \b
      sightline runs verify 3 --stage flash --write-golden flash.jsonl
      sightline runs verify 3 --stage flash --golden flash.jsonl

    The verification is a job: it runs in the library's engine if one is running, and after an
    interruption `runs resume` continues with the sources that are not compared yet.
    """
    ask_library(session.library, GetJobs(VerifyScan.JOB))  # refuses a folder that is no library
    if golden and write_golden:
        raise UsageError("--golden and --write-golden are mutually exclusive; use one")
    if write_golden is not None:
        return _write_golden(session, scan, stage, write_golden)
    command = VerifyScan(scan, stage, str(golden.absolute()) if golden else "")
    printer = VerificationPrinter(session.out, as_json=as_json)
    if not os.access(session.library, os.W_OK):  # no engine can keep a job there
        return _verify_here(session, command, printer, as_json=as_json)
    try:
        return asyncio.run(run_job(session, command, printer, as_json=as_json))
    except LibraryBusy:  # another command hosts its engine
        return _verify_here(session, command, printer, as_json=as_json)


def _write_golden(session: Session, scan: int, stage: str, path: Path) -> int:
    """Write the stored output of a stage to a file. Raises UsageError, EnvironmentFault."""
    if not stage:
        raise UsageError("a golden file contains the output of one stage; name it with --stage")
    rows = ask_library(session.library, GetStageOutput(scan, stage)).rows
    write_file(path.absolute(), "".join(f"{json_text(row)}\n" for row in rows).encode())
    session.out.note(f"{counted(len(rows) - 1, 'source')} written to {clean_path(str(path))}")
    return 0


def _verify_here(
    session: Session, command: VerifyScan, printer: JobPrinter, *, as_json: bool
) -> int:
    """Verify without an engine: nothing is stored, and an interrupted verification starts over."""
    for checked in verified_without_engine(session.library, command):
        body = {"type": "Verified", **asdict(checked)}
        if as_json:
            session.out.json(body)
        printer.report(body)
    return printer.end()
