"""`sightline diff`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..errors import ExitCode, UsageError
from ..protocol.requests.comparisons import DiffRuns
from ..protocol.run_diff import ItemDiff, RunDiff
from ..service.client import ask_library
from ..service.local import diff_body, diff_text, write_file
from ..text import clean, clean_path, counted
from ..times import timecode
from .options import reference_options
from .output import ConsoleOutput, Session

ENDINGS = (".md", ".csv", ".xml", ".json")
LISTED = ("broken", "worse", "better", "changed")


@click.command()
@click.argument("scans", nargs=-1, type=int, metavar="[BEFORE AFTER]")
@click.option("--before", type=int, metavar="SCAN", help="The scan to compare with.")
@click.option("--after", type=int, metavar="SCAN", help="The scan that may have changed.")
@click.option("--stage", default="", metavar="NAME", help="Only the answers of this stage.")
@reference_options("Also score both against references (docs/compare.md).")
@click.option("--anyway", is_flag=True, help="Also compare answers to different questions.")
@click.option(
    "--items",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    metavar="N",
    help="Items to list of each outcome, the least alike first.",
)
@click.option(
    "--out",
    "files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write .md, .csv, .xml (JUnit) or .json; repeatable.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["worse"]),
    help="Exit with 1 if an item or a metric is worse, or an item is broken.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_obj
def command(
    session: Session, scans: tuple[int, ...], before: int | None, after: int | None, stage: str,
    reference: Path | None, metrics: str, anyway: bool, items: int, files: tuple[Path, ...],
    fail_on: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Show what changed between the answers of two finished scans.

    Compares captions, descriptions, tags, objects and verdicts item by item: broken (no answer any
    more), worse or better (by facts, or by the reference), changed, the same, or a gap. Then how
    alike they are, and whether times, lengths and scores differ by more than chance. No model is
    loaded. Scans that asked different questions, or about other files, are refused with the reason.

    \b
      sightline diff 3 4
      sightline diff --before 3 --after 4 --reference captions.json --out diff.md
      sightline diff 3 4 --fail-on worse --out junit.xml
    """
    for file in files:
        if file.suffix.lower() not in ENDINGS:
            raise UsageError(
                f"{clean_path(str(file))}: a file for --out ends in {', '.join(ENDINGS)}"
            )
    if metrics and reference is None:
        raise UsageError("--metrics needs --reference FILE")
    path = None if reference is None else reference.absolute()
    request = DiffRuns(*_pair(scans, before, after), path, metrics, stage, anyway)
    found = ask_library(session.library, request)
    for file in files:
        write_file(file.absolute(), diff_text(found, file.suffix.lower()).encode())
        session.out.note(f"written to {clean_path(str(file))}")
    if as_json:
        session.out.json(diff_body(found))
    else:
        _print(session.out, found, items)
    is_failure = fail_on is not None and found.is_worse
    return int(ExitCode.SOME_FAILED if is_failure else ExitCode.OK)


def _pair(scans: Sequence[int], before: int | None, after: int | None) -> tuple[int, int]:
    """Return both scans. Raises UsageError unless each is named once."""
    named = [each for each in (before, after) if each is not None]
    if len(scans) == 2 and not named:
        return scans[0], scans[1]
    if not scans and before is not None and after is not None:
        return before, after
    raise UsageError("name two scans: sightline diff BEFORE AFTER, or --before SCAN --after SCAN")


def _print(out: ConsoleOutput, found: RunDiff, most: int) -> None:
    for note in found.notes:
        out.warn(note)
    for line in found.summary:
        out.result(line)
    for outcome in LISTED:
        rows = [row for row in found.rows if row.outcome == outcome]
        for row in sorted(rows, key=lambda row: row.similarity or 0.0)[:most]:
            _print_item(out, row)
        if most and len(rows) > most:
            out.result(f"{counted(len(rows) - most, 'more item')} {outcome}")


def _print_item(out: ConsoleOutput, row: ItemDiff) -> None:
    at = f"@{timecode(row.seconds)}" if row.seconds else ""
    alike = "" if row.similarity is None else f"  {row.similarity:.2f} alike"
    why = f"  {row.why}" if row.why else ""
    out.result(f"{row.outcome}  {clean_path(row.path)}{at}  {row.stage}{alike}{why}")
    if row.pieces:
        out.result(f"    {word_diff(row)}")


def word_diff(row: ItemDiff) -> str:
    """Return both texts in one line: what only the first has as [-this-], the second as {+that+}.

    The marks are those of `git diff --word-diff`.
    """
    marks = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    parts = (marks[piece.mark].format(clean(piece.text, limit=2_000)) for piece in row.pieces)
    return "".join(parts)
