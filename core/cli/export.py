"""`sightline export`."""

from __future__ import annotations

import gc
from dataclasses import asdict
from pathlib import Path
from typing import cast

import click

from ..errors import ExitCode, UsageError
from ..protocol.addresses import absolute
from ..protocol.queries import ExportRequest, ListResults, Sort, What
from ..protocol.requests.exports import ExportRows, GetExportSize
from ..service.client import ask_library, wait_for
from ..text import byte_size, clean, clean_path, counted
from .options import (
    DEFAULT_FORMATS,
    cut_offs_option,
    filter_option,
    formats_option,
    rows_options,
)  # fmt: skip
from .output import Session
from .writing import write_files

OBJECTS = 50_000
"""new objects between two searches for cycles, of which an export makes hardly any: searching them
at every 700, as Python does, takes a tenth of an export of 60,000 pictures"""


@click.command()
@click.argument("scan", type=int)
@formats_option
@filter_option
@cut_offs_option
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
@click.option(
    "--table", "tables", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
    help="Write the rows that `results` lists to one file, .csv or .jsonl; repeatable. Without "
    "--format, no other file is written.",
)  # fmt: skip
@rows_options
@click.option("--dry-run", is_flag=True, help="Print how much would be written; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run, print one JSON object.")
@click.pass_obj
def command(
    session: Session, scan: int, formats: tuple[str, ...], text: str,
    cut_offs: tuple[tuple[str, float], ...], out: Path, clips: bool, pictures: bool,
    tables: tuple[Path, ...], what: str, sort: str, descending: bool, dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Export a scan's results as files, clips or pictures.

    SCAN is a number from `sightline runs list`. The paths of the files are printed on stdout. A
    filter applies to every format, clip and picture; sources without a match get no files. Events
    whose clips overlap share one clip, named after all of them. --what, --sort and --descending
    apply to --table.
    """
    gc.set_threshold(OBJECTS)
    for table in tables:
        _format_of(table)
    wanted = formats or (() if tables else DEFAULT_FORMATS)
    request = ExportRequest(
        scan, text, wanted, str(out) if wanted else "",
        str(out) if clips else "", str(out) if pictures else "", cut_offs,
    )  # fmt: skip
    if dry_run:
        return _estimate(session, request, as_json)
    query = ListResults(
        cast("What", what), scan, text, cast("Sort", sort), descending, cut_offs
    )  # fmt: skip
    for table in tables:
        _write_table(session, query, table)
    if not (wanted or clips or pictures):
        return int(ExitCode.OK)
    return wait_for(write_files(session.library, request, session.out, list_=True))


def _format_of(table: Path) -> str:
    """Return `csv` or `jsonl`, as the file's name ends. Raises UsageError."""
    name = table.suffix.lower().removeprefix(".")
    if name not in ("csv", "jsonl"):
        raise UsageError(f"--table {clean_path(str(table))}: the name must end in .csv or .jsonl")
    return name


def _write_table(session: Session, query: ListResults, table: Path) -> None:
    rows = ExportRows(query, _format_of(table), Path(absolute(str(table))))
    written = ask_library(session.library, rows)
    session.out.note(f"{counted(written.rows, 'row')} written to {clean_path(str(table))}")
    session.out.listed(str(table))


def _estimate(session: Session, request: ExportRequest, as_json: bool) -> int:
    size = ask_library(session.library, GetExportSize(request))
    if as_json:
        session.out.json({"type": "ExportSize", **asdict(size)})
        return int(ExitCode.OK)
    pictures = "" if size.picture_bytes is None else f", about {_size(size.picture_bytes)}"
    session.out.result(counted(size.events, "event"))
    session.out.result(f"{counted(size.clips, 'clip')}, about {_size(size.clip_bytes)} if copied")
    session.out.result(f"{counted(size.pictures, 'picture')}{pictures}")
    return int(ExitCode.OK)


def _size(count: int) -> str:
    return clean(byte_size(count))
