"""`sightline runs`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import click

from ..errors import ExitCode
from ..protocol.commands import RemoveScan, ResumeScan
from ..service.attach import headless
from ..service.client import Records
from ..times import duration
from .options import formats_option, out_option
from .output import Session
from .running import Finish, run_scan


@click.group()
def command() -> None:
    """List, show, resume, remove and verify scans."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(session: Session, as_json: bool) -> int:
    """List every scan in the library, the newest first."""
    records = Records.open(session.library)
    lines = records.scans()
    records.close()
    if as_json:
        for line in lines:
            session.out.json({"type": "Scan", **asdict(line)})
        return 0
    rows = [
        (s.scan, s.created[:19].replace("T", " "), s.profile, s.state, s.sources, s.failed, s.left,
         s.moments, ", ".join(s.asked)[:60])
        for s in lines
    ]  # fmt: skip
    session.out.table(
        ("scan", "begun (UTC)", "profile", "state", "sources", "failed", "left", "events", "of"),
        rows,
    )
    return 0


@command.command()
@click.argument("scan", type=int)
@click.option("--failed", "only_failed", is_flag=True, help="Only sources that failed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def show(session: Session, scan: int, only_failed: bool, as_json: bool) -> int:
    """Show the sources of a scan and how each ended."""
    records = Records.open(session.library)
    tasks = [t for t in records.tasks(scan) if t.state == "failed" or not only_failed]
    records.close()
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


@command.command()
@click.argument("scan", type=int)
@click.option("--failed", is_flag=True, help="Try failed sources again instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event a line on stdout.")
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
    """Go on with an interrupted scan, from the microbatch after the last one kept."""
    from pathlib import Path

    finish = Finish(Path(out) if out else None, formats)
    return asyncio.run(run_scan(session, ResumeScan(scan, failed), finish, as_json=as_json))


@command.command()
@click.argument("scan", type=int)
@click.pass_obj
def remove(session: Session, scan: int) -> int:
    """Remove a scan, and what no other scan needs. Files scanned are never touched."""

    async def run() -> None:
        client = await headless(session.library)
        try:
            await client.send(RemoveScan(scan))
        finally:
            await client.close()

    asyncio.run(run())
    session.out.note(f"scan {scan} removed")
    return 0


@command.command()
@click.argument("scan", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def verify(session: Session, scan: int, as_json: bool) -> int:
    """Measure every source of a scan again and compare with what is kept."""
    records = Records.open(session.library)
    changed = 0
    try:
        for checked in records.verify(scan):
            changed += checked.state == "changed"
            if as_json:
                session.out.json({"type": "Verified", **asdict(checked)})
            else:
                session.out.result(f"{checked.state:8} {checked.path}  {checked.reason}".rstrip())
    finally:
        records.close()
    return int(ExitCode.SOME_FAILED if changed else ExitCode.OK)
