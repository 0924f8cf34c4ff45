"""`sightline export`."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from ..protocol.queries import ExportRequest
from ..service.client import wait_for
from .options import DEFAULT_FORMATS, filter_option, formats_option
from .output import Session
from .writing import write_files

OBJECTS = 50_000
"""new objects between two searches for cycles, of which an export makes hardly any: searching them
at every 700, as Python does, takes a tenth of an export of 60,000 pictures"""


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
    help="Output folder.",
)
@click.option(
    "--clips", is_flag=True, help="Also write a clip of each event, with lead-in and run-out."
)
@click.option("--pictures", is_flag=True, help="Also write a full-size picture of each peak.")
@click.pass_obj
def command(
    session: Session, scan: int, formats: tuple[str, ...], text: str, out: Path, clips: bool,
    pictures: bool,
) -> int:  # fmt: skip
    """Export a scan's results as files, clips or pictures.

    SCAN is a number from `sightline runs list`. The paths of the files are printed on stdout. A
    filter applies to every format, clip and picture; sources without a match get no files. Events
    whose clips overlap share one clip, named after all of them.
    """
    gc.set_threshold(OBJECTS)
    request = ExportRequest(
        scan, text, formats or DEFAULT_FORMATS, str(out),
        str(out) if clips else "", str(out) if pictures else "",
    )  # fmt: skip
    return wait_for(write_files(session.library, request, session.out, list_=True))
