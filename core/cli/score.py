"""`sightline score`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..client import Records
from ..errors import UsageError
from ..text import counted
from ..times import timecode
from .output import Output, Session

if TYPE_CHECKING:
    from ..judge.score import Score


EVENT_KINDS = ("flash", "motion", "cut")


@click.command()
@click.argument("scan", type=int)
@click.option(
    "--truth",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="JSON with the true events.",
)
@click.option("--kinds", metavar="A,B", help="Only these true kinds should be found.")
@click.option(
    "--events",
    "stages",
    metavar="A,B",
    default="flash",
    show_default=True,
    help="Only these kinds of events are judged.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    metavar="SECONDS",
    help="How far an event may lie from the truth.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
@click.pass_obj
def command(
    session: Session, scan: int, truth: Path, kinds: str | None, stages: str, tolerance: float,
    as_json: bool,
) -> int:  # fmt: skip
    """Compare a scan's events with a truth file.

    Prints recall, precision and timing error, and lists every miss and every false alarm.
    """
    for name in _names(stages):
        if name not in EVENT_KINDS:
            raise UsageError(f"no events of kind '{name}'; there are {', '.join(EVENT_KINDS)}")
    records = Records.open(session.library)
    try:
        found = records.score(scan, truth, _names(kinds), _names(stages), tolerance)
    finally:
        records.close()
    if as_json:
        session.out.json({"type": "Score", **asdict(found)})
    else:
        print_score(session.out, found)
    return 0


def print_score(out: Output, found: Score) -> None:
    """Print a score with its misses and false alarms."""
    recall = "-" if found.recall is None else f"{found.recall:.3f}"
    precision = "-" if found.precision is None else f"{found.precision:.3f}"
    out.result(f"recall     {recall}  ({found.hits} of {counted(found.true, 'true event')} found)")
    out.result(f"precision  {precision}  ({found.right} of {counted(found.found, 'event')} right)")
    if found.timing_median_seconds is not None and found.timing_worst_seconds is not None:
        out.result(
            f"timing     peak off by {found.timing_median_seconds:.3f} s (median), "
            f"{found.timing_worst_seconds:.3f} s (worst)"
        )
    for kind, (hits, total) in found.recall_by_kind.items():
        out.result(f"  {kind}: {hits} of {total}")
    for event in found.misses:
        out.result(f"missed       {timecode(event.start_seconds)}  {event.kind}")
    for moment in found.false_alarms:
        out.result(
            f"false alarm  {timecode(moment.peak_seconds)}  {moment.kind}  score {moment.score:g}"
        )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
