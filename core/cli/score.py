"""`sightline score`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..errors import UsageError
from ..protocol.queries import ScoreRequest
from ..protocol.requests.comparisons import ScoreTexts
from ..protocol.requests.scores import ScoreJudgements, ScoreScan
from ..protocol.scores import JudgedEvents, JudgedScore, Score, Scored
from ..service.client import ask_library
from ..text import clean_path, counted
from ..times import timecode
from .options import reference_options
from .output import ConsoleOutput, Session
from .text_score import show_scores

JUDGEMENTS = "judgements"
"""what `--truth` says instead of a file"""
_TYPED = click.core.ParameterSource.COMMANDLINE
_FOR_FILES = ("kinds", "tolerance", "stroke_tolerance", "any_video")


class _Truth(click.Path):
    """A file, or the judgements of the library."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path. Raises click.BadParameter for a file that is not there."""
        return JUDGEMENTS if value == JUDGEMENTS else super().convert(value, param, ctx)


@click.command()
@click.argument("scan", type=int)
@click.option(
    "--truth",
    type=_Truth(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE|judgements",
    help="True events: JSON, JSONL, CSV, SRT, VTT, EDL or labels (docs/exports.md); or "
    "'judgements' for those of the library.",
)
@reference_options(
    "Score texts and tags of models instead: captions.json, COCO, JSONL or a folder of .txt."
)
@click.option("--stage", default="", metavar="NAME", help="With --reference: only this stage.")
@click.option("--against", type=int, metavar="SCAN", help="With --reference: compare with a scan.")
@click.option("--kinds", metavar="A,B", help="Kinds in the truth file that count as true.")
@click.option(
    "--events",
    "stages",
    metavar="A,B",
    default="flash",
    show_default=True,
    help="Kinds of events to score; with judgements, all by default.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    metavar="SECONDS",
    help="Allowed distance between an event and a true event.",
)
@click.option(
    "--stroke-tolerance",
    type=click.FloatRange(min=0),
    default=0.05,
    show_default=True,
    metavar="SECONDS",
    help="Allowed distance between a stroke and a true stroke.",
)
@click.option(
    "--any-video",
    is_flag=True,
    help="Score the scan's only source even if the truth file names another video.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_context
def command(
    ctx: click.Context, scan: int, truth: Path | str | None, reference: Path | None, metrics: str,
    stage: str, against: int | None, kinds: str | None, stages: str, tolerance: float,
    stroke_tolerance: float, any_video: bool, as_json: bool,
) -> int:  # fmt: skip
    """Compare a scan's events with a truth file, or its texts with references.

    Prints recall, precision, timing error, one-to-one matches and their overlap, matched strokes
    if the truth file lists strokes, every miss and every false alarm: for each source that the
    truth file names, and for all of them together.

    With '--truth judgements', prints what you judged (see `judge`): right, wrong and unsure by
    kind, the precision with its interval of 95 % confidence (Wilson), and the highest cut-off that
    keeps all right events. If a file has this name, write ./judgements.

    With --reference, prints BLEU, chrF, ROUGE-L, CIDEr-D and the recall and precision of keywords
    of captions and tags, with the implementation of each (docs/compare.md); --against tests whether
    they differ from those of another scan of the same pictures.
    """
    session: Session = ctx.obj
    if (truth is None) == (reference is None):
        raise UsageError("give --truth FILE for events, or --reference FILE for texts and tags")
    if reference is not None:
        _check_options(ctx, (*_FOR_FILES, "stages"), "truth files, not references")
        asked = ScoreTexts(scan, reference.absolute(), metrics, stage, against)
        return show_scores(session, asked, as_json=as_json)
    _check_options(ctx, ("metrics", "stage", "against"), "--reference")
    assert truth is not None
    _check_kinds(_names(stages))
    if isinstance(truth, str):
        judged = _judged(ctx, session, scan, _names(stages))
        if as_json:
            session.out.json(_judged_json(judged))
        else:
            _print_judged(session.out, judged)
        return 0
    request = ScoreRequest(
        truth, _names(kinds), _names(stages), tolerance, stroke_tolerance, any_video
    )
    found = ask_library(session.library, ScoreScan(scan, request))
    if as_json:
        session.out.json(_json(found))
    else:
        _print(session.out, found)
    return 0


def _judged(ctx: click.Context, session: Session, scan: int, kinds: tuple[str, ...]) -> JudgedScore:
    """Return what was judged. Raises UsageError for options that are about truth files."""
    _check_options(ctx, _FOR_FILES, "truth files, not judgements")
    is_typed = ctx.get_parameter_source("stages") is _TYPED
    return ask_library(session.library, ScoreJudgements(scan, kinds if is_typed else ()))


def _check_options(ctx: click.Context, names: Sequence[str], about: str) -> None:
    """Raise UsageError if an option was given that does not belong to this kind of scoring."""
    wrong = next((name for name in names if ctx.get_parameter_source(name) is _TYPED), None)
    if wrong is not None:
        shown = "events" if wrong == "stages" else wrong.replace("_", "-")
        raise UsageError(f"--{shown} is about {about}")


def _print_judged(out: ConsoleOutput, found: JudgedScore) -> None:
    for each in (found.all, *found.kinds):
        name = each.kind or "all events"
        out.result(
            f"{name}: {each.right} right, {each.wrong} wrong, {each.unsure} unsure, "
            f"{each.unjudged} not judged"
        )
        for line in _judged_lines(each):
            out.result(f"  {line}")


def _judged_lines(each: JudgedEvents) -> Iterator[str]:
    if each.precision is not None:
        yield f"precision {each.precision:.2f} ({each.low:.2f} to {each.high:.2f})"
    if each.missed:
        yield f"{counted(each.missed, 'rejected candidate')} judged right"
    cut = each.cut_off
    if cut is not None:
        setting = (
            "" if cut.sensitivity is None else f" ({each.kind}.sensitivity {cut.sensitivity:.2f})"
        )
        yield (
            f"cut-off {cut.score:.2f} keeps {cut.kept_right} of "
            f"{counted(cut.right, 'right event')} and drops {cut.dropped_wrong} of "
            f"{counted(cut.wrong, 'wrong event')}{setting}"
        )


def _judged_json(found: JudgedScore) -> dict[str, object]:
    def fields(each: JudgedEvents) -> dict[str, object]:
        return {**asdict(each), "unjudged": each.unjudged}

    kinds = [fields(each) for each in found.kinds]
    return {"type": "JudgedScore", "scan": found.scan, **fields(found.all), "kinds": kinds}


def _check_kinds(names: tuple[str, ...]) -> None:
    from ..config.stages import event_stages

    known = event_stages()
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise UsageError(f"unknown kind of event '{unknown}'; known: {', '.join(known)}")


def print_score(out: ConsoleOutput, found: Score) -> None:
    """Print a score with its misses and false alarms."""
    _print_shares(out, found)
    for kind, (hits, total) in found.recall_by_kind.items():
        out.result(f"  {kind}: {hits} of {total}")
    for event in found.misses:
        out.result(f"missed       {timecode(event.start_seconds)}  {event.kind}")
    for moment in found.false_alarms:
        out.result(
            f"false alarm  {timecode(moment.peak_seconds)}  {moment.kind}  score {moment.score:g}"
        )


def _print(out: ConsoleOutput, found: Scored) -> None:
    for video in found.without_source:
        out.warn(
            f"the scan has no results for {clean_path(video)}; its true events are not counted"
        )
    for path in found.without_truth:
        out.warn(f"the truth file does not name {clean_path(path)}; its events are not counted")
    if len(found.videos) == 1:
        print_score(out, found.all)
        return
    for each in found.videos:
        out.result(clean_path(each.video))
        print_score(out, each.score)
        out.result("")
    out.result(f"all {counted(len(found.videos), 'video')}")
    _print_shares(out, found.all)


def _print_shares(out: ConsoleOutput, found: Score) -> None:
    for metric in found.metrics:
        if metric.line:
            out.result(metric.line)


def _json(found: Scored) -> dict[str, object]:
    videos = [{"video": each.video, **asdict(each.score)} for each in found.videos]
    return {
        "type": "Score", **asdict(found.all), "videos": videos,
        "without_source": found.without_source, "without_truth": found.without_truth,
    }  # fmt: skip


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
