"""`sightline results`: what the app's Results screen lists, as text."""

from __future__ import annotations

from typing import Any, cast

import click

from ..errors import UsageError
from ..protocol.queries import ALL_SCANS, ListResults, Sort, What
from ..service.client import LibraryClient, wait_for
from ..service.rows import all_rows
from ..text import counted
from ..times import reference, timecode
from .options import cut_offs_option, filter_option, rows_options
from .output import ConsoleOutput, Session

ROWS_AT_ONCE = 500


@click.command()
@click.argument("scan", type=int, required=False)
@filter_option
@cut_offs_option
@rows_options
@click.option("--all", "every_scan", is_flag=True, help="Of all scans, the newest first.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Maximum number of rows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def command(
    session: Session, scan: int | None, text: str, cut_offs: tuple[tuple[str, float], ...],
    what: str, sort: str, descending: bool, every_scan: bool, limit: int | None, as_json: bool,
) -> int:  # fmt: skip
    """List what a scan found, filtered and sorted.

    Without SCAN, the newest scan; with --all, every scan. A candidate is a stretch of video that a
    stage proposed, accepted or rejected with a reason; accepted candidates become events. This is
    the Results screen of the app as text.
    """
    if every_scan and scan is not None:
        raise UsageError("name a scan, or use --all")
    scan = ALL_SCANS if every_scan else scan
    query = ListResults(cast("What", what), scan, text, cast("Sort", sort), descending, cut_offs)
    wait_for(_listed(session, query, limit, as_json))
    return 0


async def _listed(session: Session, query: ListResults, limit: int | None, as_json: bool) -> None:
    count, client = 0, LibraryClient(session.library)
    try:
        async for row in all_rows(client, query):
            if limit is not None and count >= limit:
                break
            count += 1
            if as_json:
                session.out.json({"type": "Row", **row})
            else:
                _print(session.out, query.what, row)
    finally:
        await client.close()


def _print(out: ConsoleOutput, what: str, row: dict[str, Any]) -> None:
    place = f"{row['path']}@{timecode(row['seconds'])}"
    judged = f"  judged {row['judgement']}" if row["judgement"] else ""
    end = f"{judged}{'  MARKED' if row['marked'] else ''}  {_reference(row)}"
    if what == "frames":
        said = row["corrected_caption"] or (row["caption"] or {}).get("text", "")
        tags = row["corrected_tags"] or [tag.get("tag", "") for tag in row["tags"]]
        out.result(f"{place}  {', '.join(tags)}  {said}{end}")
        return
    verdict = "" if row["accepted"] else f"  rejected: {row['reason']}"
    note = row["corrected_caption"] or row["verdict"] or ""
    noted = f"  {note}" if note else ""
    out.result(f"{place}  {row['kind']}  {measured(row)}{noted}{verdict}{end}")


def _reference(row: dict[str, Any]) -> str:
    return reference(row["frame"], row["scan"], row["stream"])


def measured(row: dict[str, Any]) -> str:
    """Return score, energy and strokes of an event or candidate in words."""
    said = f"score {row['score']:g}"
    if row.get("energy"):
        said += f"  energy {row['energy']:.6g}"
    strokes = len(row.get("strokes") or ())
    return said + (f"  {counted(strokes, 'stroke')}" if strokes else "")
