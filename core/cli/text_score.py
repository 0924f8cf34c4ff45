"""What `score --reference` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..protocol.comparisons import PairedMetric, StageScores, TextScored, sentence
from ..protocol.requests.comparisons import ScoreTexts
from ..service.client import ask_library
from ..text import counted
from .output import ConsoleOutput, Session


def show_scores(session: Session, request: ScoreTexts, *, as_json: bool) -> int:
    """Score texts and print the scores. Raises SightlineError."""
    found = ask_library(session.library, request)
    for note in found.notes:
        session.out.warn(note)
    if as_json:
        session.out.json(scores_json(found))
    else:
        for stage in found.stages:
            _print(session.out, found, stage)
    return 0


def scores_json(found: TextScored) -> dict[str, Any]:
    """Return scores as one JSON object; each comparison also in words."""
    body = {"type": "TextScores", **asdict(found)}
    for stage, fields in zip(found.stages, body["stages"], strict=True):
        fields["paired"] = [paired_json(each, *_names(found)) for each in stage.paired]
    return body


def paired_json(metric: PairedMetric, first: str, second: str) -> dict[str, Any]:
    """Return a compared metric as JSON, also in words."""
    return {**asdict(metric), "differs": metric.differs, "words": sentence(metric, first, second)}


def _print(out: ConsoleOutput, found: TextScored, stage: StageScores) -> None:
    lacking = f", {stage.unanswered} without an answer" if stage.unanswered else ""
    model = f" by {stage.model}" if stage.model else ""
    out.result(f"{stage.stage}{model}: {counted(stage.items, 'item')} with a reference{lacking}")
    rows = [(f"  {each.name}", f"{each.value:.4f}", f"{each.items}", each.made_by)
            for each in stage.scores if each.value is not None]  # fmt: skip
    out.table(("  score", "value", "items", "made by"), rows)
    if stage.paired:
        first, second = _names(found)
        paired = stage.paired[0]
        about = f"{second} against {first} ({stage.other_model}), items that both answered"
        out.result(f"  {about}: {paired.items}")
    for metric in stage.paired:
        out.result(f"  {metric.name}: {sentence(metric, *_names(found))}")


def _names(found: TextScored) -> tuple[str, str]:
    return f"scan {found.against}", f"scan {found.scan}"
