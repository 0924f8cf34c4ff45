"""`sightline watch`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from .options import formats_option, out_option, scan_request, scan_settings
from .output import Session
from .watching import watch_folder


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@scan_settings
@click.option(
    "--settle",
    type=click.FloatRange(min=0.2),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="A file is whole once it stayed the same for so long.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON event a line on stdout.")
@click.option("--no-ui", is_flag=True, help="Stay headless (this version always does).")
@out_option
@formats_option
@click.pass_obj
def command(
    session: Session, folder: Path, profile: str | None, overrides: tuple[str, ...],
    stages: str | None, sensitivity: float | None, settle: float, as_json: bool, no_ui: bool,
    out: Path | None, formats: tuple[str, ...],
) -> int:  # fmt: skip
    """Scan whatever appears in a folder, as soon as it is whole.

    What lies there already is scanned first. State and failures are printed as they change and
    logged in the library's engine.log. Ctrl+C stops after the microbatch in hand.
    """
    del no_ui
    request = scan_request(
        session, (str(folder),), profile, overrides, stages, sensitivity, (), "default"
    )
    return asyncio.run(
        watch_folder(session, request, folder, settle, out, formats, as_json=as_json)
    )
