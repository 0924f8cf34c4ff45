"""`sightline demo`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..protocol.commands import SubmitScan
from ..protocol.queries import ScoreRequest
from ..protocol.requests.results import GetScans
from ..protocol.requests.scores import ScoreScan
from ..service.client import ask_library
from ..service.local import draw_demo
from .output import Session
from .running import Finish, run_scan
from .score import print_score


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    metavar="DIR",
    help="Folder for the clip, its truth file, the report and a library.",
)
@click.pass_obj
def command(session: Session, out: Path) -> int:
    """Generate a storm clip with known strokes, scan it and score it.

    The clip is computer-generated: a town at night with rain, a passing car and six flashes of one
    to several frames, one of them faint. Nothing is downloaded.
    """
    session.library = out / "library"
    clip = out / "storm.mp4"
    out.mkdir(parents=True, exist_ok=True)
    session.out.note(f"drawing {clip} ...")
    truth = draw_demo(clip)
    request = SubmitScan((str(clip),), "storm", mode="redo")
    code = asyncio.run(run_scan(session, request, Finish(out / "report", ("json", "csv", "html"))))
    newest = ask_library(session.library, GetScans()).scans[0].scan
    print_score(
        session.out, ask_library(session.library, ScoreScan(newest, ScoreRequest(truth))).all
    )
    session.out.note(f"report: {out / 'report' / 'scan.html'}")
    return code
