"""`sightline engine`: the engine that runs in a process of its own."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import click

from ..config.user_settings import log_file
from ..errors import ExitCode, UsageError
from ..protocol.queries import MOST_ROWS, ListLogLines
from ..protocol.requests.engine import StopHow
from ..protocol.state import JobState
from ..service.client import ask_library
from ..service.discovery import Listening, running
from ..service.remote import RemoteClient
from ..service.stop_engine import end_engine
from ..text import clean, counted
from ..times import duration
from .group import CommandGroup
from .output import Session
from .status import job_line

ANSWER_SECONDS = 10.0


@click.group(cls=CommandGroup)
def command() -> None:
    """Inspect and stop the engine, the background process that runs jobs.

    The app starts the engine and leaves it running when you close the app. The engine exits five
    minutes after the last app has closed and the last job has ended (SIGHTLINE_ENGINE_IDLE: that
    time in seconds).
    """


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def status(session: Session, as_json: bool) -> int:
    """Show whether an engine runs for this library, and its jobs."""
    found = running(session.library)
    if found is None:
        if as_json:
            session.out.json({"type": "Engine", "running": False})
        else:
            session.out.result("no engine runs on this library")
        return int(ExitCode.SOME_FAILED)
    body = asyncio.run(_facts(found))
    if as_json:
        session.out.json({"type": "Engine", "running": True, **body})
        return 0
    session.out.result(
        f"engine {body['pid']}, sightline {body['version']}, for "
        f"{duration(time.time() - body['started'])}, {counted(body['viewers'] - 1, 'viewer')}"
    )
    for scan in body["scans"]:
        session.out.result(
            f"  scan {scan['scan']} {scan['state']}: {scan['finished']} of "
            f"{counted(scan['sources'], 'source')}, {counted(scan['moments'], 'event')}"
        )
    for job in body["jobs"]:
        if job["kind"] != "scan":
            session.out.result(f"  {job_line(JobState(**job))}")
    return 0


@command.command()
@click.option("--after-source", is_flag=True, help="Finish the current sources first.")
@click.pass_obj
def stop(session: Session, after_source: bool) -> int:
    """Stop the engine; results so far are stored, and `runs resume` continues."""
    found = running(session.library)
    if found is None:
        session.out.note("no engine runs on this library")
        return 0
    how: StopHow = "after_source" if after_source else "now"
    answered = asyncio.run(end_engine(session.library, found, how))
    session.out.note(
        f"engine {found.pid} ended" if answered
        else f"engine {found.pid} did not answer and was killed; its stored results remain"
    )  # fmt: skip
    return 0


@command.command("log")
@click.option(
    "--lines",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    metavar="N",
    help="Maximum number of lines.",
)
@click.option("--level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
              default="INFO", show_default=True, help="Lowest level shown.")  # fmt: skip
@click.pass_obj
def log_(session: Session, lines: int, level: Any) -> int:
    """Print the end of the engine's log."""
    path = log_file(session.library)
    if not path.is_file():
        raise UsageError(f"{clean(str(path))}: no log yet; an engine creates it when it runs")
    for row in _last_lines(session.library, level, lines):
        session.out.result(f"{row['time']} {row['level']:7} {row['where']} {row['text']}".strip())
    return 0


def _last_lines(library: Path, level: Any, count: int) -> tuple[dict[str, Any], ...]:
    """Return the last lines of the log of at least a level."""
    total = ask_library(library, ListLogLines(level, last=0)).total
    first = max(total - min(count, MOST_ROWS), 0)
    return ask_library(library, ListLogLines(level, first=first, last=total)).rows


async def _facts(found: Listening) -> dict[str, Any]:
    from dataclasses import asdict

    client = await RemoteClient.open(found, readonly=True, seconds=ANSWER_SECONDS)
    try:
        state = await client.snapshot()
        scans, jobs = map(asdict, state.scans), map(asdict, state.jobs)
        return client.facts | {"scans": list(scans), "jobs": list(jobs)}
    finally:
        await client.close()
