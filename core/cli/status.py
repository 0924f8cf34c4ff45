"""`sightline status`: the app's Queue screen, once, as text."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import click

from ..errors import EngineGone, UnknownName
from ..protocol.requests.results import GetScans
from ..protocol.state import EngineState, JobState, ScanState, WatchState
from ..service.client import ask_library
from ..service.discovery import running
from ..service.remote import RemoteClient
from ..text import clean, clean_path, counted
from ..times import duration
from .output import ConsoleOutput, Session


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(session: Session, as_json: bool) -> int:
    """Show running and queued jobs and their progress.

    This is the Queue screen of the app as text.
    """
    state = asyncio.run(_state(session))
    lines = [] if state is not None and _is_working(state) else _kept(session)
    if as_json:
        body: dict[str, Any] = {"type": "Status", "engine": state is not None}
        session.out.json(body | (asdict(state) if state else {}) | {"kept": lines[:5]})
        return 0
    _print(session.out, state)
    for line in lines[:5]:
        session.out.result(
            f"scan {line['scan']} {line['state']}: {line['done']} of "
            f"{counted(line['sources'], 'source')}, "
            f"{line['failed']} failed, {counted(line['moments'], 'event')}"
        )
    return 0


async def _state(session: Session) -> EngineState | None:
    found = running(session.library)
    if found is None:
        return None
    try:
        client = await RemoteClient.open(found, readonly=True)
    except EngineGone:
        return None
    try:
        return await client.snapshot()
    finally:
        await client.close()


def _kept(session: Session) -> list[dict[str, Any]]:
    try:
        return [asdict(line) for line in ask_library(session.library, GetScans()).scans]
    except UnknownName:
        return []


def _print(out: ConsoleOutput, state: EngineState | None) -> None:
    if state is None:
        out.result("no engine runs on this library")
        return
    out.result(f"engine {state.pid}: {'running' if _is_working(state) else 'nothing to do'}")
    for scan in state.scans:
        _print_scan(out, scan)
    shown = {scan.scan for scan in state.scans}
    watches = {watch.folder: watch for watch in state.watches}
    for job in state.jobs:
        watch = watches.get(job.title) if job.kind == "watch" else None
        if watch is not None:
            paused = " (paused)" if job.state == "paused" else ""
            out.result(f"watching {clean_path(watch.folder)}{paused}  {watch_line(watch)}")
        elif job.number not in shown:
            out.result(job_line(job))
    running = {job.title for job in state.jobs}
    for download in state.downloads:
        if download.name in running:
            continue
        share = 100 * download.bytes_done // max(download.bytes_total, 1)
        out.result(
            f"download {download.name} {download.state} {share}%  {download.reason}".rstrip()
        )


def _is_working(state: EngineState) -> bool:
    return any(not job.standing for job in state.jobs)


def job_line(job: JobState) -> str:
    """Return the state of a job of another kind than a scan."""
    kind, title = clean(job.kind).replace("-", " "), clean(job.title, limit=200)
    trouble = f"; {clean(job.reason)}" if job.reason else ""
    if job.total and job.unit == "byte":
        done = f"{100 * job.done // job.total}%"
    elif job.total:
        done = f"{job.done} of {counted(job.total, job.unit)}"
    else:
        done = counted(job.done, job.unit)
    return f"{kind} {job.number} {job.state}: {done}  {title}{trouble}"


def watch_line(watch: WatchState) -> str:
    """Return the state of a watched folder."""
    growing = f", {watch.growing} still being copied" if watch.growing else ""
    trouble = f"; {clean(watch.trouble)}" if watch.trouble else ""
    left_out = f"; {clean(watch.left_out)}" if watch.left_out else ""
    return f"{clean(watch.profile)}, {counted(watch.scans, 'scan')}{growing}{left_out}{trouble}"


def _print_scan(out: ConsoleOutput, scan: ScanState) -> None:
    out.result(
        f"scan {scan.scan} {scan.profile} {scan.state}: {scan.finished} of "
        f"{counted(scan.sources, 'source')}, "
        f"{scan.failed} failed, {counted(scan.moments, 'event')}"
    )
    for task in scan.tasks:
        total, rate = task.frames_total, task.frames_per_second
        done = counted(task.frames_done, "frame")
        share = f"{100 * task.frames_done // total}%" if total else done
        left = f"  left {duration((total - task.frames_done) / rate)}" if total and rate else ""
        out.result(f"  {clean_path(task.path)}  {share}  {rate:.0f}/s{left}")
        for step in task.steps:
            out.result(
                f"    {step.name}: busy {duration(step.busy_seconds)}, waited for input "
                f"{duration(step.waits_in_seconds)}, for output "
                f"{duration(step.waits_out_seconds)}, queue {step.queued} of {step.capacity}"
            )
