"""`sightline check answers`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ..protocol.answer_facts import AnswerRow, Distribution, ScanFacts, StageFacts
from ..protocol.requests.comparisons import GetAnswerFacts
from ..service.client import ask_library
from ..text import byte_size, clean_path, counted
from ..times import timecode
from .output import ConsoleOutput, Session


@click.command()
@click.argument("scan", type=int)
@click.option("--stage", default="", metavar="NAME", help="Only the answers of this stage.")
@click.option("--items", is_flag=True, help="Also list every answer with its facts.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_obj
def answers(session: Session, scan: int, stage: str, items: bool, as_json: bool) -> int:
    """Show facts about what models answered in a scan.

    Counts answered, truncated, unparsed and failed questions apart, and what is odd whatever the
    picture shows: repetition, loops, echo of the prompt, control tokens, refusals, missing fields.
    Times, tokens and lengths have their mean, median, 95th percentile, spread and named outliers;
    failures enter none of them. Nothing is asked, and no model is loaded (docs/compare.md).

    \b
      sightline check answers 3
      sightline check answers 3 --stage caption --items
    """
    found = ask_library(session.library, GetAnswerFacts(scan, stage, items))
    if as_json:
        session.out.json({"type": "AnswerFacts", **asdict(found)})
    else:
        _print(session.out, found)
    return 0


def _print(out: ConsoleOutput, found: ScanFacts) -> None:
    for row in found.rows:
        out.listed(row_line(row))
    out.send()
    for stage in found.stages:
        for line in stage_lines(stage):
            out.result(line)
        if stage.figures:
            out.table(FIGURES, [figure_cells(each) for each in stage.figures])
        for figure in stage.figures:
            for each in figure.outliers:
                where = place(each.path, each.seconds)
                out.result(f"  outlier: {figure.name} {shown(each.value, figure.unit)}  {where}")


FIGURES = ("  figure", "mean", "median", "p95", "spread", "least", "most", "answers")


def figure_cells(each: Distribution) -> tuple[str, ...]:
    """Return a figure as cells of a table."""
    values = (each.mean, each.median, each.p95, each.spread, each.low, each.high)
    return (f"  {each.name}", *(shown(value, each.unit) for value in values), str(each.count))


def shown(value: float, unit: str) -> str:
    """Return a value with its unit."""
    return byte_size(value) if unit == "bytes" else f"{value:.3g}{' s' if unit == 's' else ''}"


def stage_lines(stage: StageFacts) -> list[str]:
    """Return what is counted of a stage, in words."""
    model = f" by {stage.model}" if stage.model else ""
    states = ", ".join(f"{count} {name}" for name, count in stage.states.items())
    lines = [f"{stage.stage}{model}: {counted(stage.items, 'question')}, {states}"]
    if stage.flags:
        odd = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in stage.flags.items())
        lines.append(f"  odd: {odd}")
    lines += [f"  {each.count} without an answer, first {clean_path(each.path)}: {each.reason}"
              for each in stage.failures]  # fmt: skip
    return lines


def row_line(row: AnswerRow) -> str:
    """Return an answer with its facts in one line."""
    notes = [row.words] if row.words else []
    state = "" if row.state == "answered" else f"{row.state}: "
    text = f"{state}{row.reason or row.text}"
    return "  ".join([place(row.path, row.seconds), row.stage, text, *notes])


def place(path: str, seconds: float) -> str:
    """Return a source with the time of a frame, if that is not its start."""
    return f"{clean_path(path)}@{timecode(seconds)}" if seconds else clean_path(path)
