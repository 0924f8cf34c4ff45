"""`sightline export`."""

from __future__ import annotations

from pathlib import Path

import click

from ..protocol.queries import ExportRequest
from ..service.client import wait_for
from .options import DEFAULT_FORMATS, filter_option, formats_option
from .output import Session
from .writing import write_files


@click.command()
@click.argument("scan", type=int)
@formats_option
@filter_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("sightline-export"),
    show_default=True,
    metavar="DIR",
    help="Folder to write to.",
)
@click.option(
    "--clips", is_flag=True, help="Also a clip of each event, with its lead-in and run-out."
)
@click.option("--pictures", is_flag=True, help="Also a picture of each event's peak, full size.")
@click.pass_obj
def command(
    session: Session, scan: int, formats: tuple[str, ...], text: str, out: Path, clips: bool,
    pictures: bool,
) -> int:  # fmt: skip
    """Write a scan's results as files, clips or pictures.

    SCAN is a number from `sightline runs list`. The files written are listed on stdout. A filter
    narrows down every format, clips and pictures too; sources of which nothing is left get no
    files. Events whose clips overlap share one clip, named after all of them.
    """
    request = ExportRequest(
        scan, text, formats or DEFAULT_FORMATS, str(out),
        str(out) if clips else "", str(out) if pictures else "",
    )  # fmt: skip
    return wait_for(write_files(session.library, request, session.out, list_=True))
