"""`sightline export`."""

from __future__ import annotations

from pathlib import Path

import click

from ..client import Records
from .options import DEFAULT_FORMATS, formats_option
from .output import Session
from .running import write_pieces


@click.command()
@click.argument("scan", type=int)
@formats_option
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
    session: Session, scan: int, formats: tuple[str, ...], out: Path, clips: bool, pictures: bool
) -> int:
    """Write a scan's results as files, clips or pictures.

    SCAN is a number from `sightline runs list`. The files written are listed on stdout.
    """
    records = Records.open(session.library)
    try:
        for path in records.export(scan, formats or DEFAULT_FORMATS, out):
            session.out.result(str(path))
        code = 0
        for wanted, as_pictures in ((clips, False), (pictures, True)):
            if wanted:
                code |= write_pieces(
                    records, scan, out, session.out, pictures=as_pictures, list_=True
                )
    finally:
        records.close()
    return code
